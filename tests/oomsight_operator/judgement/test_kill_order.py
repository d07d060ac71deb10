"""The order is the kernel's arithmetic, and leaves out what it does not know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.oomsight_operator.judgement.build import GI, MI, ROOMY, process, row

from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.kill_order import first_of, kill_order, pod_kill_order

A, B, C = "a" * 64, "b" * 64, "c" * 64


def test_small_best_effort_dies_before_big_guaranteed() -> None:
    order = kill_order(
        [row(A, processes=(process(rss=8 * GI, adj=-997),)), row(B, processes=(process(rss=10 * MI, adj=1000),))], ROOMY
    )

    assert [candidate.container_id for candidate in order] == [B, A]


def test_points_are_the_kernels_integers() -> None:
    (only,) = kill_order([row(processes=(process(rss=100 * MI, swap=4 * MI, tables=2 * MI, adj=985),))], ROOMY)

    # 16Gi are 4194304 pages, 4194 for each point of adj.
    assert only.points == (106 * MI) // 4096 + 985 * 4194


def test_swap_widens_the_scale_of_the_adjustment() -> None:
    with_swap = NodeMemory(total_bytes=16 * GI, swap_total_bytes=16 * GI, page_size_bytes=4096)
    (only,) = kill_order([row(processes=(process(rss=0, adj=10),))], with_swap)

    assert only.points == 10 * 8388


@pytest.mark.parametrize("setting", ["panic_on_oom", "oom_kill_allocating_task"])
def test_there_is_no_order_where_the_kernel_does_not_go_by_points(setting: str) -> None:
    rows = [row(processes=(process(rss=MI),))]

    assert kill_order(rows, replace(ROOMY, **{setting: 0})) != ()
    assert kill_order(rows, replace(ROOMY, **{setting: 1})) == ()


def test_a_container_stands_for_its_worst_process() -> None:
    (only,) = kill_order([row(processes=(process(1, rss=MI), process(7, rss=90 * MI), process(9, rss=2 * MI)))], ROOMY)

    assert (only.pid, only.rss_bytes, only.process_name) == (7, 90 * MI, "p7")


def test_a_protected_process_is_never_named() -> None:
    order = kill_order([row(A, processes=(process(1, rss=8 * GI, adj=-1000), process(2, rss=MI))), row(B)], ROOMY)

    assert [(candidate.container_id, candidate.pid) for candidate in order] == [(A, 2)]


def test_a_process_with_an_unknown_part_is_left_out_rather_than_guessed() -> None:
    unknown = (process(1, rss=None), process(2, rss=GI, adj=None), process(3, rss=GI, tables=None), process(4, rss=GI, swap=None))

    assert kill_order([row(processes=unknown)], ROOMY) == ()


def test_no_order_without_the_nodes_memory_or_swap() -> None:
    rows = [row(processes=(process(rss=GI),))]

    assert kill_order(rows, NodeMemory(swap_total_bytes=0)) == ()
    assert kill_order(rows, NodeMemory(total_bytes=16 * GI)) == ()


def test_ties_have_the_same_order_whatever_the_order_of_rows() -> None:
    rows = [row(each, processes=(process(rss=MI),)) for each in (C, A, B)]

    assert [candidate.container_id for candidate in kill_order(rows, ROOMY)] == [A, B, C]


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(-1000, 1000)), max_size=12))
def test_the_order_never_rises_and_names_nobody_protected(sizes: list[tuple[int, int]]) -> None:
    rows = [row(f"{index:064x}", processes=(process(rss=rss, adj=adj),)) for index, (rss, adj) in enumerate(sizes)]
    order = kill_order(rows, ROOMY)

    assert [candidate.points for candidate in order] == sorted((candidate.points for candidate in order), reverse=True)
    assert len(order) == sum(1 for _, adj in sizes if adj > -1000)


# Case 9 of what existing tools get wrong: prediction.


def test_a_pods_oom_is_scaled_by_the_pods_limit_not_by_the_node() -> None:
    # Measured on 6.18: in a pod of 24 MiB the 2 MiB process with adj 999 dies first, then the one of 14 MiB with adj 3.
    small = row(A, processes=(process(1, rss=2 * MI, adj=999),))
    big = row(B, processes=(process(2, rss=14 * MI, adj=3),))
    assert [each.pid for each in pod_kill_order([big, small], 24 * MI, 0, ROOMY)] == [1, 2]

    # On the node's scale 200 points of adj are 3 GiB; on that of 64 MiB they are 12 MiB, and size decides.
    sized = [row(A, processes=(process(1, rss=5 * MI, adj=300),)), row(B, processes=(process(2, rss=30 * MI, adj=100),))]
    assert [each.pid for each in kill_order(sized, ROOMY)] == [1, 2]
    assert [each.pid for each in pod_kill_order(sized, 64 * MI, 0, ROOMY)] == [2, 1]
    assert [each.pid for each in pod_kill_order(sized, 64 * MI, 960 * MI, ROOMY)] == [1, 2]  # swap belongs to the scale


def test_protected_processes_are_all_alike_to_old_kernels_and_so_ambiguous() -> None:
    guaranteed = [row(A, processes=(process(1, rss=8 * MI, adj=-997),)), row(B, processes=(process(2, rss=16 * MI, adj=-998),))]
    new = pod_kill_order(guaranteed, 64 * MI, 0, ROOMY)
    old = pod_kill_order(guaranteed, 64 * MI, 0, ROOMY, clamped=True)
    assert [each.pid for each in first_of(new)] == [2]
    assert sorted(each.pid or 0 for each in first_of(old)) == [1, 2]


def test_the_live_adj_decides_and_who_is_exempt_is_never_named() -> None:
    spec_says_guaranteed_but_runs_with = process(2, rss=MI, adj=500)
    rows = [
        row(A, processes=(process(1, rss=60 * MI, adj=-1000),)),
        row(B, processes=(spec_says_guaranteed_but_runs_with, process(3, rss=20 * MI, adj=None))),
    ]
    assert [each.pid for each in pod_kill_order(rows, 64 * MI, 0, ROOMY)] == [2]
    assert first_of(()) == ()
