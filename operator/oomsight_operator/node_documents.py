"""The documents of the HTTP API, made of what the operator knows now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from oomsight_operator.judgement.node_health.rules import unknown_conditions
from oomsight_operator.node_assessments import NODES_AT_ONCE, NodeAssessment, NodeAssessments
from oomsight_operator.polling.telemetry import TelemetryStore
from oomsight_operator.views.eviction_order import eviction_order_document
from oomsight_operator.views.kill_order import first_killed, kill_order_document, kill_orders
from oomsight_operator.views.node_health import node_health_document
from oomsight_operator.views.node_list import NodeLine, node_list_document
from oomsight_operator.views.sample import Sample, head

RESTS: Final = 9
"""A kill order rests for so many times the CPU time that it took."""
MOST_KILL_ORDERS: Final = 32
"""Kept, of those asked last; a usual one is 10 KiB of JSON."""


@dataclass(frozen=True, slots=True)
class _KillOrders:
    """Made of what was found, from a sample."""

    found: NodeAssessment
    body: dict[str, Any]
    sample_seconds: float
    heard_at_seconds: float
    rests_until_seconds: float


class NodeDocuments:
    """What is served of each of `names`."""

    def __init__(
        self,
        assessments: NodeAssessments,
        telemetry: TelemetryStore,
        *,
        stale_seconds: float,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._assessments = assessments
        self._telemetry = telemetry
        self._silent_because = (
            f"the node's agent was not heard for {stale_seconds:.0f} s, or never: does its pod run, and can the operator reach it?"
        )
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._cpu_clock = cpu_clock
        self._kill_orders: dict[str, _KillOrders] = {}
        """By node, the longest unasked first."""

    def names(self) -> frozenset[str]:
        """Nodes that have documents."""
        return self._assessments.names()

    async def nodes(self) -> dict[str, Any]:
        """Of `/v1/nodes`."""
        lines = []
        for count, name in enumerate(sorted(self.names())):
            lines.append(self._line(name))
            if count % NODES_AT_ONCE == NODES_AT_ONCE - 1:
                await asyncio.sleep(0)
        return node_list_document(lines, self._wall_clock())

    def kill_order(self, node_name: str) -> dict[str, Any]:
        """Of `/v1/nodes/<node>/kill-order`.

        It is the costliest: made anew only where something changed, and never so often that it takes more than a tenth of the time.
        """
        told, found = self._telemetry.get(node_name), self._assessments.get(node_name)
        kept = self._kill_orders.pop(node_name, None)
        if told is None or found is None:
            return kill_order_document(None, (), sample=self._sample(node_name))
        if kept is None or (kept.found is not found and self._monotonic() >= kept.rests_until_seconds):
            began = self._cpu_clock()
            body = kill_orders(told, self._assessments.pods_on(node_name))
            rests = (self._cpu_clock() - began) * RESTS
            now = self._monotonic()
            kept = _KillOrders(found, body, told.time_seconds, told.heard_at_seconds, now + rests)
        elif kept.found is found:
            kept = replace(kept, sample_seconds=told.time_seconds, heard_at_seconds=told.heard_at_seconds)
        self._kill_orders[node_name] = kept
        while len(self._kill_orders) > MOST_KILL_ORDERS:
            del self._kill_orders[next(iter(self._kill_orders))]
        age = self._monotonic() - kept.heard_at_seconds
        return {**head(Sample(node_name, self._wall_clock(), kept.sample_seconds, age)), **kept.body}

    def eviction_order(self, node_name: str) -> dict[str, Any]:
        """Of `/v1/nodes/<node>/eviction-order`."""
        found = self._assessments.get(node_name)
        node = self._assessments.node(node_name)
        pressure = node.memory_pressure if node is not None else None
        return eviction_order_document(self._sample(node_name), found.eviction if found is not None else None, pressure)

    def health(self, node_name: str) -> dict[str, Any]:
        """Of `/v1/nodes/<node>/health`."""
        found = self._assessments.get(node_name)
        node, sample = self._assessments.node(node_name), self._sample(node_name)
        if found is None:
            return node_health_document(sample, unknown_conditions(self._silent_because), node=node)
        return node_health_document(sample, found.conditions, found.facts.memory, found.eviction.signals, node)

    def _line(self, node_name: str) -> NodeLine:
        found, told, sample = self._assessments.get(node_name), self._telemetry.get(node_name), self._sample(node_name)
        if found is None or told is None:
            return NodeLine(sample, unknown_conditions(self._silent_because))
        killed = first_killed(told, found.kill_order, self._assessments.pods_on(node_name))
        return NodeLine(sample, found.conditions, found.facts.available_percent, found.eviction, killed)

    def _sample(self, node_name: str) -> Sample:
        now, told = self._wall_clock(), self._telemetry.get(node_name)
        if told is None:
            return Sample(node_name, now, unknown_because=self._silent_because)
        return Sample(node_name, now, told.time_seconds, self._monotonic() - told.heard_at_seconds)
