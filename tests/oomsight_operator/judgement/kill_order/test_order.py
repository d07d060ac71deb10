"""The order is the kernel's arithmetic, and says where nobody can know."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.kill_order.build import CANDIDATES, DOMAINS, NODE, PAGE, candidate

from oomsight_api.incident import OomScope
from oomsight_operator.judgement.kill_order.model import Candidate, Domain, KillOrder
from oomsight_operator.judgement.kill_order.order import before_containers, first_containers, rank


def pids(order: KillOrder) -> list[int]:
    return [each.candidate.pid for each in order.ranked]


def firsts(order: KillOrder) -> list[int]:
    return [each.pid for each in order.first]


def pod_of(limit: int) -> Domain:
    return Domain(OomScope.POD, "/kubepods", limit // PAGE)


def test_small_best_effort_dies_before_big_guaranteed() -> None:
    order = rank([candidate(7, rss=8 * GI, adj=-997), candidate(8, rss=10 * MI, adj=1000)], NODE)

    assert pids(order) == [8, 7]
    assert not order.ambiguous


def test_points_are_the_kernels_integers() -> None:
    (only,) = rank([candidate(7, rss=106 * MI, adj=985)], NODE).ranked

    # 16Gi are 4194304 pages, 4194 for each point of adj.
    assert only.points == 106 * MI // PAGE + 985 * 4194


def test_a_pods_oom_is_scaled_by_the_pods_limit_not_by_the_node() -> None:
    # Measured on 6.18: in a pod of 24 MiB the 2 MiB process with adj 999 dies first, then the one of 14 MiB with adj 3.
    measured = [candidate(8, rss=14 * MI, adj=3, container="a"), candidate(7, rss=2 * MI, adj=999, container="b")]
    assert pids(rank(measured, pod_of(24 * MI))) == [7, 8]

    # On the node's scale 200 points of adj are 3 GiB; on that of 64 MiB they are 12 MiB, and size decides.
    sized = [candidate(7, rss=5 * MI, adj=300, container="a"), candidate(8, rss=30 * MI, adj=100, container="b")]
    assert pids(rank(sized, NODE)) == [7, 8]
    assert pids(rank(sized, pod_of(64 * MI))) == [8, 7]


def test_only_processes_below_the_cgroup_are_looked_at() -> None:
    inside = [candidate(7, cgroup="/kubepods/a"), candidate(8, cgroup="/kubepods/a/nested")]
    outside = [candidate(9, cgroup="/kubepods/ab"), candidate(10, cgroup="/kubepods"), candidate(11, cgroup=None)]

    assert sorted(pids(rank(inside + outside, Domain(OomScope.CONTAINER, "/kubepods/a", 1000)))) == [7, 8]
    assert len(rank(inside + outside, NODE).ranked) == 5


def test_equal_points_are_ambiguous_and_all_are_named() -> None:
    order = rank([candidate(9), candidate(7), candidate(8, rss=0)], NODE)

    assert firsts(order) == [7, 9]
    assert order.ambiguous


def test_a_difference_within_what_cannot_be_known_is_ambiguous() -> None:
    near = [candidate(7, size_pages=1000), candidate(8, size_pages=990)]

    assert firsts(rank(near, NODE, tolerance_pages=9)) == [7]
    assert firsts(rank(near, NODE, tolerance_pages=10)) == [7, 8]


def test_files_that_processes_map_may_be_gone_when_the_kernel_looks() -> None:
    """Whoever is first with them, and whoever is first without; where all map alike, nothing is ambiguous."""
    big, mapping = candidate(7, size_pages=1000, file_pages=50), candidate(8, size_pages=1100, file_pages=200)

    assert firsts(rank([big, mapping], NODE)) == [8, 7]
    assert firsts(rank([replace(big, file_pages=200), mapping], NODE)) == [8]
    assert firsts(rank([big, mapping, candidate(9, size_pages=960)], NODE)) == [8, 9]
    assert firsts(rank([big, mapping], NODE, signed=False)) == [8, 7]


@pytest.mark.parametrize(("signed", "named"), [(True, [8]), (False, [7, 8, 9]), (None, [7, 8, 9])])
def test_protected_processes_are_all_alike_to_old_kernels_and_so_ambiguous(signed: bool | None, named: list[int]) -> None:
    guaranteed = [candidate(7, rss=8 * MI, adj=-998), candidate(8, rss=16 * MI, adj=-997), candidate(9, rss=20 * MI, adj=-999)]

    assert sorted(firsts(rank(guaranteed, NODE, signed=signed))) == named


def test_a_kernel_of_unknown_kind_is_no_riddle_where_both_kinds_agree() -> None:
    order = rank([candidate(7, adj=500), candidate(8, adj=-997)], NODE, signed=None)

    assert firsts(order) == [7]


def test_points_of_an_old_kernel_are_never_below_1() -> None:
    assert [each.points for each in rank([candidate(7, adj=-997), candidate(8, adj=-500)], NODE, signed=False).ranked] == [1, 1]


def test_nobody_is_named_where_nobody_can_be_chosen() -> None:
    order = rank([], NODE)

    assert (order.ranked, order.first, order.ambiguous) == ((), (), False)
    assert first_containers(order) == before_containers(order) == ()


def test_of_containers_the_first_is_named_and_what_dies_before_outside_of_them() -> None:
    everybody = [
        candidate(7, rss=90 * MI),
        candidate(8, rss=50 * MI, container="a"),
        candidate(9, rss=50 * MI, container="a"),
        candidate(10, rss=40 * MI, container="b"),
    ]
    order = rank(everybody, NODE)

    assert [each.pid for each in before_containers(order)] == [7]
    assert [each.container_id for each in first_containers(order)] == ["a"]
    equal = rank([*everybody, candidate(11, rss=90 * MI, container="c")], NODE)
    assert before_containers(equal) == ()
    assert [each.container_id for each in first_containers(equal)] == ["c"]


def test_the_worst_alone_may_be_kept_and_all_firsts_stay_named() -> None:
    order = rank([candidate(pid) for pid in range(2, 12)], NODE, most=3)

    assert (pids(order), len(order.first), order.candidates) == ([2, 3, 4], 10, 10)


@given(CANDIDATES, DOMAINS, st.sampled_from([True, False, None]), st.integers(0, 2**40), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_processes_are_listed(
    everybody: list[Candidate], domain: Domain, signed: bool | None, tolerance: int, shuffled: random.Random
) -> None:
    other = list(everybody)
    shuffled.shuffle(other)

    assert rank(everybody, domain, signed=signed, tolerance_pages=tolerance) == rank(
        other, domain, signed=signed, tolerance_pages=tolerance
    )


@given(CANDIDATES, DOMAINS, st.booleans())
def test_first_are_exactly_those_with_most_points_and_the_order_never_rises(
    everybody: list[Candidate], domain: Domain, signed: bool
) -> None:
    order = rank(everybody, domain, signed=signed)
    points = [each.points for each in order.ranked]

    assert points == sorted(points, reverse=True)
    assert set(order.first) == {each.candidate for each in order.ranked if each.points == max(points)}
    assert len(points) == sum(1 for each in everybody if domain.holds(each))


@given(CANDIDATES, DOMAINS, st.sampled_from([True, False, None]), st.integers(0, 1000))
def test_a_process_with_fewer_points_never_changes_who_is_first(
    everybody: list[Candidate], domain: Domain, signed: bool | None, tolerance: int
) -> None:
    before = rank(everybody, domain, signed=signed, tolerance_pages=tolerance)
    if not before.ranked or max(each.points for each in before.ranked) <= 1 + tolerance:
        return
    smaller = candidate(1 << 23, cgroup=domain.cgroup, adj=0, rss=0)
    last = before.ranked[0].points - tolerance - 1
    added = rank([*everybody, smaller], domain, signed=signed, tolerance_pages=tolerance)

    assert last >= 1  # the new one has 0 points, or counts as 1
    assert added.first == before.first
