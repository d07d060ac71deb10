"""What an operator is told again, and what is noise."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from oomsight_agent.material import (
    Change,
    container_change,
    limit_hits_rose,
    node_change,
    pod_change,
    settings_around_pods,
    step_bytes,
)
from oomsight_api.report import Cgroup, Container, Memory, NodeMemory, NodeReport, Pod, Pressure, Process

MIB = 1024 * 1024
GIB = 1024 * MIB
NODE = 64 * GIB

WEB = Container(
    pod_uid="0b6b8c1e",
    container_id="c" * 64,
    cgroup="/kubepods/x",
    pod_name="web-0",
    namespace="shop",
    container_name="web",
    memory=Memory(
        usage_bytes=200 * MIB,
        limit_bytes=400 * MIB,
        unlimited=False,
        peak_interval_bytes=210 * MIB,
        anon_bytes=100 * MIB,
        working_set_bytes=150 * MIB,
        unreclaimable_bytes=110 * MIB,
    ),
    pressure=Pressure(some_avg10=1.0, full_avg10=0.5),
    refaults_per_second=10.0,
    limit_hits=3,
    oom_kills=0,
    oom_score_adj_min=900,
    oom_score_adj_max=900,
    floor_slope_bytes_per_second=0.0,
)


def change_with(**memory: int | bool | None) -> Change:
    now = replace(WEB, memory=replace(WEB.memory, **memory))
    return container_change(WEB, now, WEB.memory.peak_interval_bytes, NODE)


@pytest.mark.parametrize("field", ["usage_bytes", "working_set_bytes", "unreclaimable_bytes", "anon_bytes"])
def test_an_amount_is_told_from_two_percent_of_the_limit_in_both_directions(field: str) -> None:
    told = getattr(WEB.memory, field)
    assert change_with(**{field: told + 8 * MIB}) is Change.MATERIAL
    assert change_with(**{field: told - 8 * MIB}) is Change.MATERIAL
    assert change_with(**{field: told + 8 * MIB - 1}) is Change.NONE
    assert change_with(**{field: None}) is Change.MATERIAL


def test_only_a_higher_peak_is_news() -> None:
    assert change_with(peak_interval_bytes=218 * MIB) is Change.MATERIAL
    assert change_with(peak_interval_bytes=217 * MIB) is Change.NONE
    assert change_with(peak_interval_bytes=20 * MIB) is Change.NONE
    assert change_with(peak_interval_bytes=None) is Change.NONE


def test_the_first_peak_after_the_first_sample_is_no_news_when_it_is_what_the_usage_said() -> None:
    told = replace(WEB, memory=replace(WEB.memory, peak_interval_bytes=None))
    now = replace(WEB, memory=replace(WEB.memory, peak_interval_bytes=201 * MIB))
    assert container_change(told, now, None, NODE) is Change.NONE


def test_a_changed_limit_is_told_whatever_its_size() -> None:
    assert change_with(limit_bytes=400 * MIB + 4096) is Change.MATERIAL
    assert change_with(limit_bytes=None, unlimited=True) is Change.MATERIAL
    assert change_with(high_bytes=300 * MIB) is Change.MATERIAL


def test_unreclaimable_memory_rising_over_ninety_percent_is_urgent_and_staying_there_is_not() -> None:
    assert change_with(unreclaimable_bytes=360 * MIB) is Change.URGENT
    assert change_with(unreclaimable_bytes=359 * MIB) is Change.MATERIAL
    near = replace(WEB, memory=replace(WEB.memory, unreclaimable_bytes=365 * MIB))
    nearer = replace(WEB, memory=replace(WEB.memory, unreclaimable_bytes=366 * MIB))
    assert container_change(near, nearer, 210 * MIB, NODE) is Change.NONE
    assert container_change(near, WEB, 210 * MIB, NODE) is Change.MATERIAL


def test_a_kill_is_urgent_and_a_counter_that_went_away_is_told() -> None:
    assert container_change(WEB, replace(WEB, oom_kills=1), 210 * MIB, NODE) is Change.URGENT
    assert container_change(WEB, replace(WEB, oom_kills=None), 210 * MIB, NODE) is Change.MATERIAL


def test_identity_score_and_group_are_told() -> None:
    for now in (
        replace(WEB, oom_score_adj_max=999),
        replace(WEB, oom_group=True),
        replace(WEB, container_name=None),
        replace(WEB, pressure=None),
        replace(WEB, pressure=Pressure(some_avg10=6.0, full_avg10=0.5)),
        replace(WEB, pressure=Pressure(some_avg10=1.0, full_avg10=0.5, full_avg60=12.0)),
        replace(WEB, refaults_per_second=80.0),
        replace(WEB, anon_refaults_per_second=80.0),
        replace(WEB, floor_slope_bytes_per_second=8 * MIB / 600),
        replace(WEB, floor_slope_bytes_per_second=None),
    ):
        assert container_change(WEB, now, 210 * MIB, NODE) is Change.MATERIAL, now


def test_the_minutes_pressure_is_told_on_though_that_of_ten_seconds_has_come_to_rest() -> None:
    stalled = replace(WEB, pressure=Pressure(some_avg10=40.0, full_avg10=40.0, some_avg60=6.0, full_avg60=6.0))
    little_later = replace(WEB, pressure=Pressure(some_avg10=40.0, full_avg10=40.0, some_avg60=7.9, full_avg60=7.9))
    later = replace(WEB, pressure=Pressure(some_avg10=40.0, full_avg10=40.0, some_avg60=11.0, full_avg60=11.0))

    assert container_change(stalled, little_later, 210 * MIB, NODE) is Change.NONE
    assert container_change(stalled, later, 210 * MIB, NODE) is Change.MATERIAL


def test_small_moves_of_pressure_rates_slope_and_processes_are_noise() -> None:
    for now in (
        WEB,
        replace(WEB, pressure=Pressure(some_avg10=5.9, full_avg10=0.5)),
        replace(WEB, refaults_per_second=59.0),
        replace(WEB, refaults_per_second=None),
        replace(WEB, floor_slope_bytes_per_second=7 * MIB / 600),
        replace(WEB, process_count=12),
        replace(WEB, limit_hits=4),
    ):
        assert container_change(WEB, now, 210 * MIB, NODE) is Change.NONE, now


def test_without_a_limit_the_step_is_a_tenth_of_what_was_told_between_sixteen_mebibytes_and_two_percent_of_the_node() -> None:
    unlimited = Memory(unlimited=True)
    assert step_bytes(unlimited, 20 * MIB, NODE) == 16 * MIB
    assert step_bytes(unlimited, 1000 * MIB, NODE) == 100 * MIB
    assert step_bytes(unlimited, 60 * GIB, NODE) == pytest.approx(0.02 * NODE)
    assert step_bytes(unlimited, 1000 * MIB, None) == 100 * MIB
    assert step_bytes(Memory(limit_bytes=16 * MIB), 10 * MIB, NODE) == MIB


def test_a_pod_is_told_like_a_container() -> None:
    pod = Pod(pod_uid="u", cgroup="/kubepods/pod", memory=WEB.memory, oom_kills=1)
    assert pod_change(pod, pod, 210 * MIB, NODE) is Change.NONE
    assert pod_change(pod, replace(pod, oom_kills=2), 210 * MIB, NODE) is Change.URGENT
    assert pod_change(pod, replace(pod, memory=replace(pod.memory, limit_bytes=1)), 210 * MIB, NODE) is Change.URGENT
    assert pod_change(pod, replace(pod, oom_kills=None), 210 * MIB, NODE) is Change.MATERIAL
    assert pod_change(pod, replace(pod, oom_group=True), 210 * MIB, NODE) is Change.MATERIAL


def test_a_node_answers_early_for_its_available_memory_its_settings_and_kills_anywhere_on_it() -> None:
    node = NodeMemory(total_bytes=100 * GIB, available_bytes=50 * GIB, oom_kills=7, swappiness=60)
    assert node_change(node, replace(node, available_bytes=48 * GIB)) is Change.MATERIAL
    assert node_change(node, replace(node, available_bytes=49 * GIB, major_faults=10**9, free_bytes=0)) is Change.NONE
    assert node_change(node, replace(node, available_bytes=None)) is Change.MATERIAL
    assert node_change(node, replace(node, swappiness=0)) is Change.MATERIAL
    assert node_change(node, replace(node, oom_kills=8)) is Change.URGENT


def test_a_node_answers_early_when_it_begins_to_swap_and_when_its_arithmetic_is_known() -> None:
    node = NodeMemory(swap_in_pages_per_second=40.0, swap_out_pages_per_second=0.0)
    assert node_change(node, replace(node, swap_in_pages_per_second=89.0, swap_out_pages_per_second=49.0)) is Change.NONE
    assert node_change(node, replace(node, swap_in_pages_per_second=90.0)) is Change.MATERIAL
    assert node_change(node, replace(node, swap_out_pages_per_second=50.0)) is Change.MATERIAL
    assert node_change(node, replace(node, swap_out_pages_per_second=None)) is Change.NONE
    assert node_change(node, replace(node, signed_badness=True)) is Change.MATERIAL


def test_around_the_pods_settings_are_worth_an_answer_and_amounts_are_not() -> None:
    kubepods = Cgroup(cgroup="/kubepods", memory=Memory(usage_bytes=GIB, limit_bytes=4 * GIB), holds_pods=True)
    sshd = Process(pid=7, name="sshd", rss_bytes=MIB)
    node = NodeReport(node="n1", instance="", cursor="", full=True, time_seconds=0, interval_seconds=1)
    node = replace(node, cgroups=(kubepods,), host_processes=(sshd,), oom_groups=("/system.slice/cron.service",))

    def is_news(now: NodeReport) -> bool:
        return settings_around_pods(now) != settings_around_pods(node)

    fuller = replace(kubepods, memory=replace(kubepods.memory, usage_bytes=3 * GIB))
    assert not is_news(replace(node, cgroups=(fuller,), host_processes=(replace(sshd, rss_bytes=GIB),)))
    assert is_news(replace(node, cgroups=(replace(kubepods, oom_group=True),)))
    assert is_news(replace(node, cgroups=(replace(kubepods, memory=Memory(limit_bytes=GIB)),)))
    assert is_news(replace(node, oom_groups=()))


def test_limit_hits_rise_only_between_two_known_samples() -> None:
    assert limit_hits_rose(1, 2)
    assert not limit_hits_rose(2, 2)
    assert not limit_hits_rose(None, 2)
    assert not limit_hits_rose(2, None)
