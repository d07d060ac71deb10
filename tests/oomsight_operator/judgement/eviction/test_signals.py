from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import GI, MI

from oomsight_api.report import Cgroup, Memory, NodeMemory
from oomsight_operator.judgement.eviction.settings import EvictionSettings, Threshold, assumed, percentage
from oomsight_operator.judgement.eviction.signals import Margin, SignalState, ThresholdKind, memory_signals

ASSUMED = assumed("nobody asked")


def root(working_set_bytes: int | None) -> Cgroup:
    return Cgroup(cgroup="/", memory=Memory(working_set_bytes=working_set_bytes))


def pods(**memory: Any) -> Cgroup:
    return Cgroup(cgroup="/kubepods.slice", holds_pods=True, memory=Memory(**memory))


def signals(*cgroups: Cgroup, settings: EvictionSettings = ASSUMED, total: int | None = 8 * GI) -> tuple[SignalState, SignalState]:
    return memory_signals(NodeMemory(total_bytes=total, available_bytes=7 * GI, free_bytes=GI), cgroups, settings)


def test_memory_available_is_the_total_less_the_roots_working_set_not_what_meminfo_says() -> None:
    state, _ = signals(root(6 * GI))
    assert (state.available_bytes, state.capacity_bytes) == (2 * GI, 8 * GI)
    assert state.margins == (Margin(ThresholdKind.HARD, 100 * MI, 2 * GI - 100 * MI),)


@pytest.mark.parametrize(("available_mi", "met"), [(101, False), (100, False), (99, True), (-5, True)])
def test_a_threshold_is_met_below_it_and_not_at_it(available_mi: int, met: bool) -> None:
    state, _ = signals(root(8 * GI - available_mi * MI))
    assert state.hard is not None
    assert (state.hard.margin_bytes, state.hard.is_met) == ((available_mi - 100) * MI, met)


def test_allocatable_is_measured_on_the_cgroup_of_all_pods_with_the_hard_threshold_alone() -> None:
    settings = EvictionSettings(Threshold(200 * MI), Threshold(GI), 60.0)
    memory, allocatable = signals(root(GI), pods(limit_bytes=7 * GI, working_set_bytes=5 * GI), settings=settings)
    assert allocatable.available_bytes == 2 * GI
    assert allocatable.margins == (Margin(ThresholdKind.HARD, 200 * MI, 2 * GI - 200 * MI),)
    assert memory.margins[1] == Margin(ThresholdKind.SOFT, GI, 6 * GI, 60.0)


def test_a_percentage_is_one_of_each_signals_own_capacity() -> None:
    memory, allocatable = signals(root(0), pods(limit_bytes=4 * GI, working_set_bytes=0), settings=EvictionSettings(percentage(50)))
    assert [state.margins[0].threshold_bytes for state in (memory, allocatable)] == [4 * GI, 2 * GI]


def test_without_a_threshold_there_is_a_signal_and_no_margin() -> None:
    memory, _ = signals(root(GI), settings=EvictionSettings(hard=None))
    assert (memory.available_bytes, memory.margins, memory.hard) == (7 * GI, (), None)


@pytest.mark.parametrize("cgroups", [(), (root(None),), (pods(limit_bytes=GI, working_set_bytes=0),)])
def test_without_the_roots_working_set_memory_available_is_unknown_and_said_so(cgroups: tuple[Cgroup, ...]) -> None:
    memory, _ = signals(*cgroups)
    assert (memory.available_bytes, memory.margins) == (None, ())
    assert "working set of the root cgroup" in str(memory.unknown_because)
    assert signals(root(GI), total=None)[0].available_bytes is None


@pytest.mark.parametrize(
    ("settings", "cgroups", "why"),
    [
        (ASSUMED, (), "does not tell of the cgroup that holds all pods"),
        (ASSUMED, (pods(working_set_bytes=1),), "does not tell of the cgroup that holds all pods"),
        (ASSUMED, (pods(working_set_bytes=1, unlimited=True),), "has no limit"),
        (EvictionSettings(enforces_pods=False), (pods(limit_bytes=GI, working_set_bytes=1),), "does not enforce"),
    ],
)
def test_an_allocatable_signal_that_the_kubelet_has_not_or_nobody_knows_says_why(
    settings: EvictionSettings, cgroups: tuple[Cgroup, ...], why: str
) -> None:
    _, allocatable = signals(*cgroups, settings=settings)
    assert allocatable.available_bytes is None
    assert why in str(allocatable.unknown_because)
