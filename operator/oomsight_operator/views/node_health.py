"""`GET /v1/nodes/<node>/health`: the node's memory as conditions in words, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from oomsight_api.report import NodeMemory, Pressure
from oomsight_operator.judgement.eviction.signals import SignalState
from oomsight_operator.judgement.node import Node
from oomsight_operator.judgement.node_health.condition import NodeCondition, Status
from oomsight_operator.judgement.words import printable
from oomsight_operator.views.eviction_order import signal_documents
from oomsight_operator.views.sample import Sample, compact, head

_MEMORY = (
    ("total_bytes", "totalBytes"),
    ("available_bytes", "availableBytes"),
    ("free_bytes", "freeBytes"),
    ("swap_total_bytes", "swapTotalBytes"),
    ("swap_free_bytes", "swapFreeBytes"),
    ("swap_in_pages_per_second", "swapInPagesPerSecond"),
    ("swap_out_pages_per_second", "swapOutPagesPerSecond"),
    ("oom_kills", "oomKillsSinceBoot"),
    ("swappiness", "swappiness"),
    ("overcommit_memory", "overcommitMemory"),
    ("overcommit_ratio", "overcommitRatio"),
    ("panic_on_oom", "panicOnOOM"),
    ("oom_kill_allocating_task", "oomKillAllocatingTask"),
)
_PRESSURE = (
    ("some_avg10", "someAvg10Percent"),
    ("some_avg60", "someAvg60Percent"),
    ("some_avg300", "someAvg300Percent"),
    ("full_avg10", "fullAvg10Percent"),
    ("full_avg60", "fullAvg60Percent"),
    ("full_avg300", "fullAvg300Percent"),
)


def node_health_document(
    sample: Sample,
    conditions: Sequence[NodeCondition],
    memory: NodeMemory | None = None,
    signals: Iterable[SignalState] = (),
    node: Node | None = None,
) -> dict[str, Any]:
    """`memory` None: the node's agent is silent, and the conditions are unknown."""
    return {
        **head(sample),
        "healthy": is_healthy(conditions),
        "conditions": [
            {
                "type": each.type.value,
                "status": each.status.value,
                "reason": each.reason.value,
                "message": each.message,
            }
            for each in conditions
        ],
        **compact(
            {
                "memory": _memory(memory) if memory is not None else None,
                "signals": signal_documents(signals) or None,
                "kubernetes": _kubernetes(node) if node is not None else None,
            }
        ),
    }


def is_healthy(conditions: Iterable[NodeCondition]) -> str:
    """`False` when any condition holds, `Unknown` when none does and one is unknown, else `True`: as a condition's status reads."""
    found = {each.status for each in conditions}
    if Status.TRUE in found:
        return Status.FALSE.value
    return Status.UNKNOWN.value if Status.UNKNOWN in found or not found else Status.TRUE.value


def _memory(memory: NodeMemory) -> dict[str, Any]:
    document = compact({key: getattr(memory, field) for field, key in _MEMORY})
    if memory.pressure is not None:
        document["pressure"] = _pressure(memory.pressure)
    return document


def _pressure(pressure: Pressure) -> dict[str, Any]:
    return compact({key: getattr(pressure, field) for field, key in _PRESSURE})


def _kubernetes(node: Node) -> dict[str, Any]:
    return compact(
        {
            "allocatableBytes": node.allocatable_bytes,
            "capacityBytes": node.capacity_bytes,
            "kubeletVersion": printable(node.kubelet_version, 64) if node.kubelet_version is not None else None,
            "memoryPressure": node.memory_pressure,
            "unschedulable": node.unschedulable,
        }
    )
