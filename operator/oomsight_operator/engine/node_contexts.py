"""The node around a pod: its memory and kill order, computed once a report, and what a report shifted for pods it did not name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from oomsight_api.policy import MemoryPolicySpec, PolicyRules, RiskSpec
from oomsight_operator.judgement.kill_order.candidates import page_size, worst_candidates
from oomsight_operator.judgement.kill_order.domain import decided_otherwise, node_domain
from oomsight_operator.judgement.kill_order.model import KillOrder
from oomsight_operator.judgement.kill_order.order import first_containers, rank
from oomsight_operator.judgement.model import NodeContext
from oomsight_operator.judgement.precedence import PolicyRecord
from oomsight_operator.judgement.risk.first_to_die import lead
from oomsight_operator.polling.telemetry import NodeTelemetry

KEPT_PROCESSES = 64
"""Of the order: more than an agent tells outside containers, so that containers are always in it."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Pods whose judgement may change although none of their own rows did."""

    whole_node: bool = False
    """The node crossed a threshold of available memory, or what it can allocate changed."""
    cgroup_uids: frozenset[str] = frozenset()
    """Who was first to be killed, and who is now."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What rules look at in an order: who is first, and how clearly."""

    container_ids: frozenset[str | None] = frozenset()
    pod_uids: frozenset[str] = frozenset()
    lead: int = 0

    @classmethod
    def of(cls, context: NodeContext) -> _Head:
        order = context.kill_order
        if order is None:
            return cls()
        firsts = first_containers(order)
        return cls(
            frozenset(each.container_id for each in firsts),
            frozenset(each.pod_uid for each in firsts if each.pod_uid is not None),
            lead(order) if context.host_processes_known else 0,
        )


@dataclass(slots=True)
class _Cached:
    version: int
    context: NodeContext
    band: int
    head: _Head


class NodeContexts:
    """NodeContext by node, kept until the telemetry's version rises.

    `allocatable` finds a node's allocatable memory (bytes); `policies` are those that decide now, whose thresholds of available
    memory are the ones that matter.
    """

    def __init__(
        self,
        allocatable: Callable[[str], int | None] = lambda _: None,
        policies: Callable[[], tuple[PolicyRecord, ...]] = tuple,
    ) -> None:
        self._cached: dict[str, _Cached] = {}
        self._allocatable = allocatable
        self._policies = policies
        self._edges_of: tuple[PolicyRecord, ...] = ()
        self._edges = shortness_edges(())

    def get(self, node: NodeTelemetry) -> NodeContext:
        """The node's context as of its newest report."""
        self.update(node)
        return self._cached[node.node_name].context

    def update(self, node: NodeTelemetry) -> Shift | None:
        """Compute anew if a report changed something; what that shifted."""
        before = self._cached.get(node.node_name)
        allocatable_bytes = self._allocatable(node.node_name)
        resized = before is not None and before.context.allocatable_bytes != allocatable_bytes
        if before is not None and before.version == node.version and not resized:
            return None
        context = NodeContext(
            node.node_name,
            node.memory,
            _order(node),
            host_processes_known=node.host_processes is not None,
            allocatable_bytes=allocatable_bytes,
        )
        now = _Cached(node.version, context, self._band(context), _Head.of(context))
        self._cached[node.node_name] = now
        if before is None or before.band != now.band or resized:
            return Shift(whole_node=True)
        if before.head == now.head:
            return None
        return Shift(cgroup_uids=before.head.pod_uids | now.head.pod_uids)

    def forget(self, node_name: str) -> None:
        self._cached.pop(node_name, None)

    def _band(self, context: NodeContext) -> int:
        """Between which thresholds of the policies the node's available memory is; -1 when unknown."""
        memory = context.memory
        if memory is None or memory.available_bytes is None or not memory.total_bytes or memory.total_bytes < 0:
            return -1
        policies = self._policies()
        if policies is not self._edges_of:
            self._edges_of, self._edges = policies, shortness_edges(policies)
        percent = memory.available_bytes * 100 // memory.total_bytes
        return sum(percent < edge for edge in self._edges)


def shortness_edges(policies: Iterable[PolicyRecord]) -> tuple[int, ...]:
    """Percentages of available memory at which somebody's judgement may change: the policies' thresholds, and where their
    hysteresis lets go."""
    edges: set[int] = set()
    for risk in (RiskSpec(), *(_rules(policy).risk for policy in policies)):
        for percent in (risk.node_available.medium_percent, risk.node_available.high_percent):
            edges |= {percent, percent + risk.hysteresis_percent}
    return tuple(sorted(edges))


def _rules(policy: PolicyRecord) -> PolicyRules:
    return policy.spec if isinstance(policy.spec, MemoryPolicySpec) else policy.spec.rules


def _order(node: NodeTelemetry) -> KillOrder | None:
    domain = node_domain(node.memory)
    if domain is None or decided_otherwise(node.memory, domain.scope) is not None:
        return None
    signed = node.memory.signed_badness
    worst = worst_candidates(
        node.containers.values(),
        node.host_processes,
        page_size(node.memory),
        pages_per_adj=domain.pages_per_adj,
        most=KEPT_PROCESSES,
        signed=signed,
        tolerance_pages=domain.tolerance_pages,
    )
    return rank(worst, domain, signed=signed, most=KEPT_PROCESSES)
