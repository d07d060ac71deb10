"""The order is the kernel's arithmetic, and leaves out what it does not know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.oomsight_operator.judgement.build import GI, MI, ROOMY, process, row

from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.kill_order import kill_order

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
