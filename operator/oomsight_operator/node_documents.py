"""The documents of the HTTP API, made of what the operator knows now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from oomsight_operator.judgement.node_health.rules import unknown_conditions
from oomsight_operator.node_assessments import NODES_AT_ONCE, NodeAssessments
from oomsight_operator.polling.telemetry import TelemetryStore
from oomsight_operator.views.eviction_order import eviction_order_document
from oomsight_operator.views.kill_order import first_killed, kill_order_document
from oomsight_operator.views.node_health import node_health_document
from oomsight_operator.views.node_list import NodeLine, node_list_document
from oomsight_operator.views.sample import Sample


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
    ) -> None:
        self._assessments = assessments
        self._telemetry = telemetry
        self._silent_because = (
            f"the node's agent was not heard for {stale_seconds:.0f} s, or never: does its pod run, and can the operator reach it?"
        )
        self._wall_clock = wall_clock
        self._monotonic = monotonic

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
        """Of `/v1/nodes/<node>/kill-order`."""
        told, pods = self._telemetry.get(node_name), self._assessments.pods_on(node_name)
        return kill_order_document(told, pods, sample=self._sample(node_name))

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
