"""Nodes in one line, for the tests of the conditions."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.build import GI

from oomsight_api.report import Cgroup, Memory, NodeMemory, Pressure
from oomsight_operator.judgement.eviction.settings import EvictionSettings, assumed
from oomsight_operator.judgement.eviction.signals import memory_signals
from oomsight_operator.judgement.node_health.facts import NodeFacts

HEALTHY = NodeMemory(
    total_bytes=16 * GI,
    available_bytes=8 * GI,
    free_bytes=4 * GI,
    swap_total_bytes=0,
    swap_free_bytes=0,
    pressure=Pressure(some_avg60=0.0, full_avg60=0.0),
    swap_in_pages_per_second=0.0,
    swap_out_pages_per_second=0.0,
    swappiness=60,
    overcommit_memory=1,
    overcommit_ratio=50,
    panic_on_oom=0,
    oom_kill_allocating_task=0,
)
NOBODY_ASKED = assumed("nobody asked")


def node(
    *,
    root_working_set: int | None = 8 * GI,
    settings: EvictionSettings = NOBODY_ASKED,
    kubelet: bool | None = False,
    **memory: Any,
) -> NodeFacts:
    """A healthy node of 16Gi but for these values (fields of NodeMemory)."""
    fields = {field: getattr(HEALTHY, field) for field in HEALTHY.__struct_fields__}
    told = NodeMemory(**{**fields, **memory})
    root = Cgroup(cgroup="/", memory=Memory(working_set_bytes=root_working_set))
    return NodeFacts(told, memory_signals(told, (root,), settings), settings.assumed_because, kubelet)
