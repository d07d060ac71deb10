"""How much page cache refaults ask for: step by step, each really given, and no more where that does not help."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI

from oomsight_operator.judgement.recommend.cache import (
    FORGET_HOURS,
    KEEP_HOURS,
    CacheFit,
    CacheLook,
    CacheNeed,
    fitted,
    observed,
    room_now,
)
from oomsight_operator.judgement.recommend.track import MAX_BYTES

HOUR = 490_000
MUCH = 900 * MI
"""Read again in a second by a reader whose file does not fit."""


def lived(reread: Callable[[int], int], days: int, *, held: int = 40 * MI, follow: bool = True) -> list[CacheNeed]:
    """What is learned hour by hour; `reread` tells of the cache what is read again with it, and the limit is raised at once."""
    need: CacheNeed | None = None
    story = []
    for hour in range(24 * days):
        rate = reread(held)
        if rate:
            need = observed(need, CacheLook(HOUR + hour, held, rate))
        if need is not None:
            story.append(need)
            held = max(held, need.room_bytes) if follow else held
    return story


def rooms(story: list[CacheNeed]) -> list[int]:
    """Those that were asked for, in MiB."""
    asked = [need.room_bytes // MI for need in story]
    return asked[:1] + [after for before, after in pairwise(asked) if after != before]


def test_it_grows_by_half_until_the_file_fits_and_then_stops() -> None:
    assert rooms(lived(lambda held: MUCH if held < 80 * MI else 0, 30)) == [60, 90]


def test_a_step_a_day_and_none_before_the_one_before_was_given() -> None:
    at_once = lived(lambda held: MUCH if held < GI else 0, 2)
    assert len({need.room_bytes for need in at_once[:24]}) == 1
    never = lived(lambda _: MUCH, 30, follow=False)
    assert rooms(never) == [60]


def test_a_stream_through_far_more_than_memory_gets_two_steps_and_then_what_it_had() -> None:
    story = lived(lambda _: MUCH, 20)

    assert rooms(story) == [60, 90, 40]
    assert story[-1].is_useless
    assert (story[-1].before_bytes, story[-1].tried_bytes) == (40 * MI, 90 * MI)


def by_chance(file: int, held: int) -> int:
    """Read again a second by a reader of a file here and there."""
    return int(MUCH * max(0.0, 1 - held / file))


def test_as_long_as_more_helps_it_goes_on() -> None:
    assert rooms(lived(lambda held: by_chance(200 * MI, held), 30)) == [60, 90, 135, 202]


def test_what_helps_grows_to_five_times_the_cache_and_stays_there() -> None:
    story = lived(lambda held: int(MUCH * (40 * MI / held) ** 2), 30)

    assert rooms(story) == [60, 90, 135, 202]
    assert story[-1].is_at_most
    assert not story[-1].is_useless


def test_less_that_is_read_again_only_because_the_reader_was_slower_for_a_while_does_not_add_up() -> None:
    """A noisy node: half as much for a day, and then as before."""
    slow = iter([1.0] * 30 + [0.5] * 50 + [1.0] * 1000)
    story = lived(lambda _: int(MUCH * next(slow)), 20)

    assert max(rooms(story)) <= 135
    assert story[-1].is_useless
    assert story[-1].room_bytes == 40 * MI


def test_however_little_is_read_again_later_it_ends_at_five_times_the_cache() -> None:
    less = iter(int(MUCH * 0.9**index) for index in range(24 * 30))
    assert max(rooms(lived(lambda _: next(less), 25))) == 202


def test_what_never_is_lowered_again_is_not_tried_again_either() -> None:
    """A monthly job, and one that streams for years: what they were given before is no new beginning."""
    monthly: CacheNeed | None = None
    held = 40 * MI
    for month in range(24):
        monthly = observed(monthly, CacheLook(HOUR + month * 31 * 24, held, MUCH))
        held = max(held, monthly.room_bytes)
    assert held <= 100 * MI

    assert max(rooms(lived(lambda _: MUCH, 400))) == 90


def test_a_limit_that_went_back_is_tried_again_after_four_weeks() -> None:
    (*_, useless) = lived(lambda _: MUCH, 5)
    late = observed(useless, CacheLook(useless.tried_hour + FORGET_HOURS + 1, 40 * MI, MUCH))

    assert not late.is_useless
    assert late.room_bytes == 60 * MI


def test_little_that_is_read_again_asks_for_no_more_than_it_would_take() -> None:
    need = observed(None, CacheLook(HOUR, 100 * GI, 1_000_000))

    assert need.room_bytes == 100 * GI + 3_600_000_000


def test_next_to_no_cache_gets_a_step_that_is_worth_it() -> None:
    assert observed(None, CacheLook(HOUR, 0, MUCH)).room_bytes == 16 * MI


def test_what_tells_nothing_new_gives_an_equal_need() -> None:
    look = CacheLook(HOUR, 40 * MI, MUCH)
    need = observed(None, look)

    assert observed(need, look) == need
    assert observed(need, CacheLook(HOUR, 40 * MI, MUCH - MI)) == need


def test_after_the_last_refaults_the_room_stays_as_a_peak_does_and_then_halves_every_week() -> None:
    need = observed(None, CacheLook(HOUR, 40 * MI, MUCH))
    weeks = [room_now(need, HOUR + KEEP_HOURS + week * 168, used_bytes=0) for week in range(4)]

    assert room_now(need, HOUR + 5, used_bytes=0) == 60 * MI
    assert weeks == [60 * MI, 30 * MI, 15 * MI, None]
    assert room_now(need, HOUR + 10 * FORGET_HOURS, used_bytes=55 * MI) == 55 * MI
    assert room_now(need, HOUR + 10 * FORGET_HOURS, used_bytes=9 * GI) == 60 * MI


LOOKS = st.tuples(st.integers(0, 40), st.integers(0, 2 * GI), st.integers(0, MAX_BYTES))


@given(st.lists(LOOKS, min_size=1, max_size=60))
def test_whatever_is_seen_it_never_asks_for_more_than_a_step_above_what_was_held(told: list[tuple[int, int, int]]) -> None:
    need: CacheNeed | None = None
    hour, most = HOUR, 0
    for later, held, rate in told:
        hour, most = hour + later, max(most, held)
        need = observed(need, CacheLook(hour, held, rate))
        assert need.before_bytes <= need.room_bytes <= max(most * 3 // 2, most + 16 * MI)
        assert (room_now(need, hour, used_bytes=0) or 0) <= need.room_bytes


def test_what_was_enough_is_remembered_with_its_highest_and_a_day_exactly() -> None:
    fit = CacheFit(HOUR, 80 * MI)

    assert fitted(None, fit) is fit
    assert fitted(fit, CacheFit(HOUR + 5, 82 * MI)) is fit
    assert fitted(fit, CacheFit(HOUR + 5, 90 * MI)).held_bytes == 90 * MI
    assert fitted(fit, CacheFit(HOUR + 30, 79 * MI)) == CacheFit(HOUR + 30, 80 * MI)
    assert fitted(fit, CacheFit(HOUR + 30, 20 * MI)) is fit
    assert fitted(fit, CacheFit(HOUR + KEEP_HOURS + 1, 20 * MI)).held_bytes == 20 * MI


def test_the_first_step_goes_to_what_was_enough_before_if_that_is_not_long_ago() -> None:
    fit, later = CacheFit(HOUR, 80 * MI), HOUR + FORGET_HOURS

    assert observed(None, CacheLook(later, 4 * MI, MUCH), fit).room_bytes == 88 * MI
    assert observed(None, CacheLook(later + 1, 4 * MI, MUCH), fit).room_bytes == 20 * MI
    assert observed(None, CacheLook(later, 200 * MI, MUCH), fit).room_bytes == 300 * MI


@pytest.mark.parametrize("rate", [0, 7, 99, 123_456])
def test_rates_are_kept_to_two_digits(rate: int) -> None:
    assert abs(observed(None, CacheLook(HOUR, MI, rate)).before_rate - rate) * 20 <= rate
