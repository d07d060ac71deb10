"""The node around a pod: its memory and kill order, computed once a report, and what a report shifted for pods it did not name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from oomsight_operator.judgement.kill_order import first_of, kill_order
from oomsight_operator.judgement.model import NodeContext
from oomsight_operator.judgement.risk.subject import CRITICAL_AVAILABLE_PERCENT, PRESSED_AVAILABLE_PERCENT
from oomsight_operator.polling.telemetry import NodeTelemetry


@dataclass(frozen=True, slots=True)
class Shift:
    """Pods whose judgement may change although none of their own rows did."""

    whole_node: bool = False
    """The node crossed a threshold of available memory, or what it can allocate changed."""
    cgroup_uids: frozenset[str] = frozenset()
    """Who was first to be killed, and who is now."""


@dataclass(slots=True)
class _Cached:
    version: int
    context: NodeContext
    band: int


class NodeContexts:
    """NodeContext by node, kept until the telemetry's version rises. `allocatable` finds a node's allocatable memory (bytes)."""

    def __init__(self, allocatable: Callable[[str], int | None] = lambda _: None) -> None:
        self._cached: dict[str, _Cached] = {}
        self._allocatable = allocatable

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
            node.node_name, node.memory, kill_order(node.containers.values(), node.memory), allocatable_bytes=allocatable_bytes
        )
        band = _band(context)
        self._cached[node.node_name] = _Cached(node.version, context, band)
        if before is None or before.band != band or resized:
            return Shift(whole_node=True)
        was, now = first_of(before.context.kill_order), first_of(context.kill_order)
        if {each.container_id for each in was} == {each.container_id for each in now}:
            return None
        return Shift(cgroup_uids=frozenset(each.pod_uid for each in (*was, *now)))

    def forget(self, node_name: str) -> None:
        self._cached.pop(node_name, None)


def _band(context: NodeContext) -> int:
    """Which side of the thresholds of judgement the node's available memory is on; -1 when unknown."""
    memory = context.memory
    if memory is None or memory.available_bytes is None or not memory.total_bytes or memory.total_bytes < 0:
        return -1
    percent = memory.available_bytes * 100 // memory.total_bytes
    return (percent < PRESSED_AVAILABLE_PERCENT) + (percent < CRITICAL_AVAILABLE_PERCENT)
