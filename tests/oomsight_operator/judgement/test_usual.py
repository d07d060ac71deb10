"""Means over time: what is usual, not what was sampled most often."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.usual import LONGEST_GAP_SECONDS, MEAN_SECONDS, Mean, follow, follow_above_zero


def over(*samples: tuple[float, float | None]) -> Mean:
    mean: Mean | None = None
    for at_seconds, value in samples:
        mean = follow(mean, value, at_seconds)
    assert mean is not None
    return mean


def test_a_value_counts_for_as_long_as_it_stood() -> None:
    burst = over((0.0, 100.0), (540.0, 1000.0), (600.0, 100.0))

    assert burst.value == (540 * 100 + 60 * 1000) / 600
    assert burst.watched_seconds == 600.0


def test_after_an_hour_the_past_fades() -> None:
    hours = [(600.0 * index, 100.0 if index < 12 else 900.0) for index in range(80)]

    assert over(*hours[:13]).value == 100.0
    assert 100.0 < over(*hours[:15]).value < 500.0
    assert over(*hours).value > 890.0


def test_one_sample_is_no_watch() -> None:
    assert not over((0.0, 5.0)).at_least(1.0)


def test_a_gap_longer_than_an_agent_leaves_counts_as_that_long() -> None:
    assert over((0.0, 5.0), (86400.0, 5.0)).watched_seconds == LONGEST_GAP_SECONDS


def test_the_unknown_and_a_sample_from_before_tell_nothing() -> None:
    known = over((1000.0, 5.0), (1060.0, 7.0))

    assert follow(known, None, 1120.0) == known
    assert follow(known, math.nan, 1120.0) == known
    back = follow(known, 9.0, 1010.0)
    assert back is not None
    assert (back.value, back.at_seconds, back.watched_seconds) == (5.0, 1060.0, 60.0)


def test_after_a_clock_was_a_year_ahead_and_set_back_the_mean_goes_on() -> None:
    ahead = [(0.0, 5.0), (60.0, 5.0), (31536000.0, 5.0)]
    since = [(120.0 + 60.0 * minute, 1000.0) for minute in range(240)]

    assert over(*ahead, *since).value > 900.0


def test_nothing_is_kept_of_what_never_happened_or_is_long_over() -> None:
    assert follow_above_zero(None, 0.0, 0.0) is None
    mean = follow_above_zero(None, 500.0, 0.0)
    for minute in range(10, 24 * 60, 10):
        mean = follow_above_zero(mean, 0.0, 60.0 * minute)
    assert mean is None


@given(st.lists(st.tuples(st.floats(0, 2 * MEAN_SECONDS), st.floats(0, 1e12)), min_size=1, max_size=30))
def test_a_mean_lies_between_the_least_and_the_greatest(steps: list[tuple[float, float]]) -> None:
    now, mean = 0.0, None
    for passed, value in steps:
        now += passed
        mean = follow(mean, value, now)

    assert mean is not None
    values = [value for _, value in steps]
    assert min(values) - 0.01 <= mean.value <= max(values) + 0.01
