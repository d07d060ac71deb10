"""Scenarios: taken again they are the same, and they never ask a machine for what it does not have."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_kill_order.generator import MAX_BYTES, MIN_BYTES, PAGE_BYTES, Allowed, generate
from oomsight_kill_order.scenario import Domain, Scenario, Shape, Trigger

V1 = Allowed(cgroup_version=1, negative_adj=False, swap=False)
V2 = Allowed(cgroup_version=2, negative_adj=True, swap=True, node_pages=120_000)
MACHINES = st.sampled_from((V1, V2))
SEEDS = st.integers(0, 2**32)
NUMBERS = st.integers(0, 100_000)


@given(SEEDS, NUMBERS, MACHINES)
def test_the_same_seed_and_number_give_the_same_scenario(seed: int, number: int, allowed: Allowed) -> None:
    assert generate(seed, number, allowed) == generate(seed, number, allowed)


@given(SEEDS, NUMBERS)
def test_another_number_is_another_scenario(seed: int, number: int) -> None:
    assert generate(seed, number, V2).pods != generate(seed, number + 1, V2).pods


@given(SEEDS, NUMBERS, MACHINES)
def test_every_scenario_can_be_built_and_ends_in_one_choice(seed: int, number: int, allowed: Allowed) -> None:
    scenario = generate(seed, number, allowed)
    members = scenario.members()
    assert 2 <= len(members) <= 8
    assert any(process.oom_score_adj > -1000 for process in members)
    names = [process.name for process in scenario.processes()]
    assert len(set(names)) == len(names)
    for process in scenario.processes():
        assert process.anon_bytes >= MIN_BYTES
        assert process.anon_bytes % PAGE_BYTES == process.shared_bytes % PAGE_BYTES == 0
        assert allowed.lowest_adj <= process.oom_score_adj <= 1000
    for container in scenario.containers():
        assert not container.processes[0].nested


@given(SEEDS, NUMBERS)
def test_without_cgroup_v2_nothing_is_asked_that_needs_it(seed: int, number: int) -> None:
    scenario = generate(seed, number, V1)
    assert scenario.trigger is Trigger.CHARGE
    assert scenario.domain is not Domain.NODE
    assert scenario.swapped_bytes == 0
    assert not scenario.pod_oom_group
    assert not any(container.oom_group or container.nested_oom_group for container in scenario.containers())


@given(SEEDS, NUMBERS)
def test_who_exhausts_the_node_is_never_chosen_and_swap_is_left_out_of_it(seed: int, number: int) -> None:
    scenario = generate(seed, number, V2)
    if scenario.domain is Domain.NODE:
        assert scenario.asker.oom_score_adj == -1000
        assert scenario.trigger is Trigger.CHARGE
        assert scenario.swapped_bytes == 0
    else:
        assert not scenario.services
        assert not any(process.mapped_bytes for process in scenario.processes())


@pytest.fixture(scope="module")
def many() -> list[Scenario]:
    return [generate(7, number, V2) for number in range(2000)]


def test_all_that_the_kernel_counts_comes_up(many: list[Scenario]) -> None:
    domains = Counter(scenario.domain for scenario in many)
    assert set(domains) == set(Domain)
    assert 0.08 < domains[Domain.NODE] / len(many) < 0.16
    assert {scenario.trigger for scenario in many} == set(Trigger)
    processes = [process for scenario in many for process in scenario.processes()]
    assert min(process.oom_score_adj for process in processes) == -1000
    assert max(process.oom_score_adj for process in processes) == 1000
    assert max(process.anon_bytes for process in processes) > MAX_BYTES * 3 // 4
    for some in (
        [process.shared_bytes for process in processes],
        [process.mapped_bytes for process in processes],
        [process.page_tables for process in processes],
        [process.nested for process in processes],
        [scenario.swapped_bytes for scenario in many],
        [scenario.pod_oom_group for scenario in many],
        [container.oom_group for scenario in many for container in scenario.containers()],
        [container.nested_oom_group for scenario in many for container in scenario.containers()],
        [scenario.services for scenario in many],
    ):
        assert 0.02 < sum(map(bool, some)) / len(some) < 0.6


def test_one_in_eight_is_made_hard_and_a_few_have_two_equals(many: list[Scenario]) -> None:
    shapes = Counter(scenario.shape for scenario in many)
    assert 0.10 < shapes[Shape.CLOSE] / len(many) < 0.14
    assert 0.01 < shapes[Shape.TIE] / len(many) < 0.02
    for scenario in many:
        if scenario.shape is Shape.TIE:
            sizes = Counter(
                (process.oom_score_adj, process.anon_bytes, process.shared_bytes, process.page_tables)
                for process in scenario.members()
            )
            assert max(sizes.values()) >= 2, scenario
