"""What is judged of a node as a whole: its eviction order, its health, and whom the kernel would kill first.

Computed when somebody asks, and kept until the node's report, its pods, its Node or its kubelet's thresholds change: metrics look
every few seconds, and five thousand nodes must not be judged anew for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.judgement.eviction.kernel_victims import NamedVictim, kernel_victims, named_victims
from oomsight_operator.judgement.eviction.order import EvictionOrder, assess_eviction
from oomsight_operator.judgement.eviction.settings import EvictionSettings
from oomsight_operator.judgement.eviction.working_set import pod_use
from oomsight_operator.judgement.kill_order.candidates import page_size
from oomsight_operator.judgement.kill_order.model import KillOrder
from oomsight_operator.judgement.model import NodeContext, Pod
from oomsight_operator.judgement.node import Node
from oomsight_operator.judgement.node_health.condition import NodeCondition
from oomsight_operator.judgement.node_health.facts import NodeFacts
from oomsight_operator.judgement.node_health.rules import node_conditions, unknown_conditions
from oomsight_operator.polling.join import join
from oomsight_operator.polling.telemetry import NodeTelemetry, TelemetryStore
from oomsight_operator.publishing.node_metrics import NodeMetrics, condition_series, node_series

log = logging.getLogger(__name__)

NODES_AT_ONCE = 10
"""Nodes that may have to be judged before others on the loop get their turn."""

_FAULT = "it could not be judged by a fault of the operator; its log says which"


@dataclass(frozen=True, slots=True)
class NodeAssessment:
    """Judgement of one node whose agent speaks."""

    node: Node | None
    """The Node object; None where there is none of that name."""
    kill_order: KillOrder | None
    """None: not known. So it is while processes outside pods are not told, of whom any may be the first."""
    eviction: EvictionOrder
    facts: NodeFacts
    conditions: tuple[NodeCondition, ...]
    victims: tuple[NamedVictim, ...]
    """The first three of the kernel's order; empty when that is not known."""


@dataclass(frozen=True, slots=True)
class _Key:
    instance: str
    since_seconds: float
    version: int
    node: Node | None
    settings: EvictionSettings


class NodeAssessments:
    """NodeAssessment by node. For one event loop."""

    def __init__(
        self,
        cluster: Cluster,
        telemetry: TelemetryStore,
        context_of: Callable[[NodeTelemetry], NodeContext],
        settings_of: Callable[[str], EvictionSettings],
    ) -> None:
        self._cluster = cluster
        self._telemetry = telemetry
        self._context_of = context_of
        self._settings_of = settings_of
        self._cached: dict[str, tuple[_Key, NodeAssessment]] = {}
        self.computed = 0
        """Assessments made, for tests."""
        cluster.pods.listen(self._pod_changed)

    def names(self) -> frozenset[str]:
        """Nodes of the API, and those whose agents speak."""
        return frozenset(node.name for node in self._cluster.nodes) | {node.node_name for node in self._telemetry}

    def get(self, node_name: str) -> NodeAssessment | None:
        """As of the newest report; None while the node's agent is silent."""
        told = self._telemetry.get(node_name)
        if told is None:
            self._cached.pop(node_name, None)
            return None
        key = _Key(told.instance, told.since_seconds, told.version, self.node(node_name), self._settings_of(node_name))
        cached = self._cached.get(node_name)
        if cached is not None and cached[0] == key:
            return cached[1]
        assessment = self._assess(told, key.node, key.settings)
        self._cached[node_name] = (key, assessment)
        return assessment

    def conditions(self, node_name: str) -> tuple[NodeCondition, ...]:
        """Of the node's memory; none while its agent is silent."""
        found = self.get(node_name)
        return found.conditions if found is not None else ()

    def node(self, node_name: str) -> Node | None:
        """The Node object."""
        return self._cluster.nodes.get(node_name)

    def pods_on(self, node_name: str) -> tuple[Pod, ...]:
        """Pods that the API places there."""
        found = (self._cluster.pods.get(uid) for uid in self._cluster.index.on_node(node_name))
        return tuple(pod for pod in found if pod is not None)

    def __len__(self) -> int:
        """Nodes of which something is kept."""
        return len(self._cached)

    def keep_only(self, node_names: frozenset[str]) -> None:
        """Forget all other nodes: those that left are never asked for again."""
        for name in self._cached.keys() - node_names:
            del self._cached[name]

    def _assess(self, told: NodeTelemetry, node: Node | None, settings: EvictionSettings) -> NodeAssessment:
        self.computed += 1
        context = self._context_of(told)
        order = context.kill_order if context.host_processes_known else None
        pods = self.pods_on(told.node_name)
        victims = kernel_victims(order, page_size(told.memory))
        named = named_victims(victims or (), pods)
        eviction = assess_eviction(
            [pod_use(pod, join(pod, told)) for pod in pods],
            told.memory,
            told.cgroups,
            settings,
            None if victims is None else [each.victim for each in named],
        )
        pressure = node.memory_pressure if node is not None else None
        facts = NodeFacts(told.memory, eviction.signals, settings.assumed_because, pressure)
        return NodeAssessment(node, order, eviction, facts, node_conditions(facts), named)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        for pod in (old, new):
            if pod is not None and pod.node_name is not None:
                self._cached.pop(pod.node_name, None)


async def follow_nodes(assessments: NodeAssessments, metrics: NodeMetrics, on_fault: Callable[[], None] = lambda: None) -> None:
    """Bring the metrics of all nodes up to date; a node that did not change costs next to nothing."""
    names = assessments.names()
    for count, name in enumerate(names):
        try:
            _follow(name, assessments, metrics)
        except Exception:
            # One node that trips over a fault of ours must not keep all others from being judged.
            on_fault()
            if not metrics.knows(name, _FAULT):
                log.exception("judgement of a node failed by a fault of the operator", extra={"node": name})
            metrics.observe(name, condition_series(unknown_conditions(_FAULT)), _FAULT)
        if count % NODES_AT_ONCE == NODES_AT_ONCE - 1:
            await asyncio.sleep(0)
    assessments.keep_only(names)
    metrics.keep_only(names)


def _follow(name: str, assessments: NodeAssessments, metrics: NodeMetrics) -> None:
    found = assessments.get(name)
    if found is None:
        metrics.observe(name, condition_series(unknown_conditions("its agent is silent")))
    elif not metrics.knows(name, found):
        series = node_series(found.conditions, found.eviction, found.kill_order, found.victims, found.facts.memory)
        metrics.observe(name, series, found)
