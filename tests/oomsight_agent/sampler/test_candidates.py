"""Who is told of many processes. A process is (oom_score_adj, MiB); the pid is its place in the list, from 1."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.sampler.candidates import MOST_OF_EACH, MOST_TOLD, size_pages, who_may_die_first
from oomsight_api.report import Process

PAGE = 4096
MI = 1024 * 1024
NODE_SCALE = 1000


def rows(*processes: tuple[int | None, int]) -> list[Process]:
    return [process(pid, adj, mib * MI) for pid, (adj, mib) in enumerate(processes, start=1)]


def process(pid: int, adj: int | None, size_bytes: int) -> Process:
    eligible = adj is not None and adj != -1000
    points = size_bytes // PAGE + (adj or 0) * NODE_SCALE if eligible else None
    return Process(
        pid=pid, name="p", oom_score_adj=adj, rss_bytes=size_bytes, swap_bytes=0, page_tables_bytes=0, badness_points=points
    )


def told(processes: Sequence[Process], most: int = MOST_TOLD) -> list[int]:
    return [row.pid for row in who_may_die_first(processes, PAGE, most)]


def first_victim_points(processes: Sequence[Process], scale: int) -> int | None:
    """The kernel's choice, over all of them: what it scores there."""
    eligible = [row for row in processes if row.oom_score_adj is not None and row.oom_score_adj != -1000]
    return max(((size_pages(row, PAGE) or 0) + (row.oom_score_adj or 0) * scale for row in eligible), default=None)


def test_of_one_oom_score_adj_the_five_biggest_are_told() -> None:
    assert told(rows(*[(100, mib) for mib in range(1, 31)])) == [30, 29, 28, 27, 26]


def test_a_small_process_of_a_higher_oom_score_adj_is_told_beside_five_bigger_ones() -> None:
    assert 7 in told(rows(*[(0, 500 + mib) for mib in range(6)], (300, 1)))


def test_the_biggest_of_every_oom_score_adj_come_before_the_second_of_any() -> None:
    few = [(adj, mib) for adj in range(0, 800, 100) for mib in (10, 20, 30)]
    assert told(rows(*few)) == [pid for adj in range(7, -1, -1) for pid in (adj * 3 + 3, adj * 3 + 2)]


def test_of_too_many_oom_score_adjs_those_are_told_who_die_first_at_some_limit() -> None:
    many = rows(*[(adj, 1) for adj in range(100, 120)], (50, 400), (0, 900), (10, 2))
    assert {20, 21, 22} <= set(told(many))
    assert 23 not in told(many)


def test_who_cannot_be_killed_stands_last_and_only_where_there_is_room() -> None:
    assert told(rows((-1000, 900), (0, 1))) == [2, 1]
    assert 1 not in told(rows((-1000, 900), *[(adj, 1) for adj in range(MOST_TOLD)]))


def test_who_is_unknown_in_part_is_told_before_those_who_cannot_be_killed() -> None:
    assert told(rows((-1000, 900), (None, 5), (0, 1)), most=2) == [3, 2]


@pytest.mark.parametrize("count", [0, 1])
def test_there_is_nothing_to_choose_from_one_or_none(count: int) -> None:
    only = rows(*[(-1000, 1)] * count)
    assert who_may_die_first(only, PAGE) == tuple(only)


sizes = st.integers(0, 1 << 42).map(lambda pages: pages - pages % PAGE) | st.integers(0, 40).map(lambda pages: pages * PAGE)


@given(
    st.lists(st.tuples(st.sampled_from([-1000, -999, -997, -998, 0, 3, 100, 900, 999, 1000]) | st.none(), sizes), max_size=60),
    st.integers(0, 1 << 40),
)
def test_at_any_scale_the_kernels_first_victim_is_among_those_told(found: list[tuple[int | None, int]], scale: int) -> None:
    every = [process(pid, adj, size) for pid, (adj, size) in enumerate(found, start=1)]
    few = who_may_die_first(every, PAGE)
    assert first_victim_points(few, scale) == first_victim_points(every, scale)
    assert len(few) <= MOST_TOLD


@given(st.lists(st.tuples(st.integers(-1000, 1000), sizes), max_size=60), st.integers(0, 1 << 40))
def test_with_any_oom_score_adjs_the_first_victim_is_told_unless_a_tenant_made_a_hull_of_more_than_are_told(
    found: list[tuple[int, int]], scale: int
) -> None:
    every = [process(pid, adj, size) for pid, (adj, size) in enumerate(found, start=1)]
    few = who_may_die_first(every, PAGE, most=len(every) + 1)
    assert first_victim_points(few, scale) == first_victim_points(every, scale)
    assert first_victim_points(who_may_die_first(every, PAGE), NODE_SCALE) == first_victim_points(every, NODE_SCALE)
    each = [row.oom_score_adj for row in few]
    assert all(each.count(adj) <= MOST_OF_EACH for adj in set(each))
