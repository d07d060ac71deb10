"""When a limit stays, when it is raised, and when it is lowered; and what kills ask for."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import DAY, seen

from oomsight_operator.judgement.recommend.bounds import Bounds, bounds_of, floor_bytes, settle
from oomsight_operator.judgement.recommend.state import OomFloor

BOUNDS = Bounds(least_bytes=500 * MI, target_bytes=600 * MI, need=None, floor_bytes=None)


def settled(limit: int | None, *, held: float = 9 * DAY, may_lower: bool = True) -> int:
    return settle(BOUNDS, limit, NOW - held, NOW, may_lower=may_lower) // MI


def test_without_a_limit_the_target_is_set() -> None:
    assert settled(None) == 600


def test_a_limit_that_leaves_too_little_is_raised_at_once() -> None:
    assert settled(499 * MI, held=1) == 600


@pytest.mark.parametrize("limit", [500, 600, 660])
def test_a_limit_between_too_little_and_much_too_high_stays(limit: int) -> None:
    assert settled(limit * MI) == limit


def test_a_limit_that_is_much_too_high_is_lowered_after_a_day_and_only_where_that_is_allowed() -> None:
    assert settled(700 * MI) == 600
    assert settled(700 * MI, held=DAY - 1) == 700
    assert settled(700 * MI, may_lower=False) == 700


@pytest.mark.parametrize(("repeats", "expected"), [(1, 640), (2, 768), (3, 1024), (4, 1024), (1000, 1024)])
def test_repeated_kills_raise_the_bump_and_it_is_bounded(repeats: int, expected: int) -> None:
    assert floor_bytes(OomFloor(512 * MI, NOW, repeats), NOW) == expected * MI


def test_a_bump_is_whole_for_a_day_halves_every_week_and_is_forgotten_after_four() -> None:
    floor = OomFloor(GI, NOW, 1)
    after = [floor_bytes(floor, NOW + days * DAY) for days in (1, 8, 15, 28, 28.1)]

    assert [amount // MI if amount is not None else None for amount in after] == [1280, 1152, 1088, 1041, None]


def test_a_small_limit_is_raised_by_a_useful_amount() -> None:
    assert floor_bytes(OomFloor(8 * MI, NOW), NOW) == 24 * MI


def test_kills_and_memory_both_hold_a_limit_up() -> None:
    held = seen(GI, 400)

    assert bounds_of(held.unreclaimable, OomFloor(2 * GI, NOW), NOW).least_bytes == int(2.5 * GI)
    assert bounds_of(held.unreclaimable, OomFloor(MI, NOW), NOW).least_bytes == int(1.05 * GI)
    assert bounds_of(None, None, NOW) == Bounds(0, 0, None, None)
