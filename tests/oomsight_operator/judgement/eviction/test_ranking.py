"""The first tests are the kubelet's own, pkg/kubelet/eviction/helpers_test.go."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import MI, pod, spec
from tests.oomsight_operator.judgement.eviction.pods import DEFAULT, HIGH, LOW, named, using

from oomsight_operator.judgement.eviction.ranking import eviction_order, request_for_eviction
from oomsight_operator.judgement.eviction.working_set import PodUse, Source
from oomsight_operator.judgement.model import Pod
from oomsight_operator.judgement.oom_score_adj import is_critical


def order(*uses: PodUse) -> list[str]:
    return [place.pod.name for place in eviction_order(uses)]


def test_exceeding_the_request_beats_priority() -> None:
    """TestOrderedByExceedsRequestMemory."""
    assert order(using("below", 199, 200, LOW), using("exceeds", 101, 100, HIGH)) == ["exceeds", "below"]


def test_the_greediest_relative_to_its_request_goes_first() -> None:
    """TestOrderedByMemory."""
    uses = (
        using("best-effort-high", 500),
        using("best-effort-low", 300),
        using("burstable-high", 800, 100),
        using("burstable-low", 300, 100),
        using("guaranteed-high", 800, 1024),
        using("guaranteed-low", 200, 1024),
    )
    expected = ["burstable-high", "best-effort-high", "best-effort-low", "burstable-low", "guaranteed-high", "guaranteed-low"]
    assert order(*uses) == order(*reversed(uses)) == expected


def test_among_those_above_and_among_those_below_priority_decides_before_memory() -> None:
    """TestOrderedByPriorityMemory."""
    uses = (
        using("above-low-priority-high-usage", 500, None, LOW),
        using("above-low-priority-low-usage", 50, None, LOW),
        using("above-high-priority-high-usage", 600, 100, HIGH),
        using("above-high-priority-low-usage", 150, 100, HIGH),
        using("below-low-priority-high-usage", 800, 1024, LOW),
        using("below-low-priority-low-usage", 200, 1024, LOW),
        using("below-high-priority-high-usage", 800, 1024, HIGH),
        using("below-high-priority-low-usage", 200, 1024, HIGH),
    )
    assert order(*reversed(uses)) == [use.pod.name for use in uses]


def test_a_pod_without_statistics_goes_before_all_others_whatever_its_priority() -> None:
    assert order(using("greedy", 500, 1, LOW), using("unseen", None, 100, HIGH)) == ["unseen", "greedy"]
    assert order(using("b", None, 1, HIGH), using("a", None, 900, LOW)) == ["a", "b"], "priority decides between two"


def test_a_pod_that_uses_exactly_its_request_does_not_exceed_it() -> None:
    exact, over = eviction_order([using("over", 101, 100, HIGH), using("exact", 100, 100, LOW)])[::-1]
    assert (exact.exceeds_request, exact.excess_bytes) == (False, 0)
    assert (over.exceeds_request, over.excess_bytes) == (True, MI)


@pytest.mark.parametrize(
    "critical",
    [
        {"config_hash": "c" * 32},
        {"priority": 2_000_000_000},
        {"priority": 2_000_001_000, "priority_class_name": "system-node-critical"},
    ],
)
def test_critical_pods_are_never_in_the_order(critical: dict[str, Any]) -> None:
    spared = replace(using("spared", 900), pod=replace(named("spared"), **critical))
    assert order(spared, using("other", 1, 100)) == ["other"]


def test_a_user_priority_just_below_the_systems_spares_nobody() -> None:
    assert order(using("important", 900, priority=1_999_999_999)) == ["important"]


@pytest.mark.parametrize(("phase", "listed"), [("Running", True), ("Pending", True), ("Succeeded", False), ("Failed", False)])
def test_only_pods_that_have_not_ended_are_in_the_order(phase: str, listed: bool) -> None:
    assert bool(order(using("one", 10, phase=phase))) is listed


def test_equal_ranks_are_marked_as_left_to_chance_and_come_by_name() -> None:
    places = eviction_order([using("c", 90), using("b", 100), using("a", 100)])
    assert [(place.pod.name, place.place, place.tied) for place in places] == [("a", 1, True), ("b", 2, True), ("c", 3, False)]


@pytest.mark.parametrize(
    ("of", "expected_mi"),
    [
        (pod(spec(request=100 * MI), spec("b", request=50 * MI)), 150),
        (pod(spec(request=100 * MI), overhead_bytes=20 * MI), 120),
        (pod(spec(), overhead_bytes=20 * MI), 0),
        (pod(spec(request=100 * MI), pod_memory_request_bytes=300 * MI), 300),
        (pod(spec("setup", kind="init", request=500 * MI), spec(request=100 * MI)), 500),
        (pod(spec("proxy", kind="sidecar", request=50 * MI), spec(request=100 * MI)), 150),
        (pod(spec(limit=100 * MI)), 100),
    ],
    ids=["sum", "overhead", "overhead of nothing", "pod level", "init container", "sidecar", "limit as request"],
)
def test_the_request_is_the_kubelets(of: Pod, expected_mi: int) -> None:
    assert request_for_eviction(of) == expected_mi * MI


uses_of_a_node = st.lists(
    st.builds(
        PodUse,
        st.builds(
            Pod,
            uid=st.uuids().map(str),
            namespace=st.sampled_from(("a", "b")),
            name=st.sampled_from(("web", "db", "\x1b[31m")),
            node_name=st.just("node-1"),
            phase=st.sampled_from(("Running", "Pending", "Failed", "nonsense")),
            containers=st.builds(spec, request=st.none() | st.integers(0, 2**63 - 1)).map(lambda each: (each,)),
            priority=st.none() | st.integers(-(2**31), 2**31 - 1),
            config_hash=st.none() | st.just("c" * 32),
            overhead_bytes=st.none() | st.integers(0, 2**63 - 1),
        ),
        st.none() | st.integers(0, 2**63 - 1),
        st.just(Source.POD),
    ),
    max_size=12,
)


@given(uses_of_a_node, st.randoms())
def test_the_order_is_total_the_same_for_any_order_of_arrival_and_spares_the_critical(uses: list[PodUse], random: Random) -> None:
    places = eviction_order(uses)
    shuffled = list(uses)
    random.shuffle(shuffled)
    assert eviction_order(shuffled) == places
    assert [place.place for place in places] == list(range(1, len(places) + 1))
    assert not any(is_critical(place.pod) or place.pod.phase == "Failed" for place in places)
    measured = [place for place in places if place.working_set_bytes is not None]
    assert places[len(places) - len(measured) :] == tuple(measured), "without statistics first"
    exceeding = [place.exceeds_request for place in measured]
    assert exceeding == sorted(exceeding, reverse=True), "then above the request"
    assert {place.priority for place in places} <= {use.pod.priority or DEFAULT for use in uses}
