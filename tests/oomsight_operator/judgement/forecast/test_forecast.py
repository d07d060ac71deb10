"""When does it reach the limit: shapes that do, shapes that do not, and what cannot be known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, SECOND_RUN, THIRD_RUN
from tests.oomsight_operator.judgement.forecast.floors import DAY, HOUR, LIMIT, MINUTE, outlook, watched

from oomsight_api.names import Confidence
from oomsight_operator.judgement.forecast.forecast import forecast
from oomsight_operator.judgement.forecast.history import FloorHistory
from oomsight_operator.judgement.forecast.outlook import Shape


def ramp(t: float) -> float:
    """100Mi at first, and 50Mi more each hour."""
    return 100 + 50 * t / HOUR


def test_a_ramp_reaches_the_limit_when_its_line_does() -> None:
    found = outlook(watched(ramp, 12))

    assert found.shape is Shape.GROWING
    assert found.seconds_to_limit is not None
    assert found.seconds_to_limit == pytest.approx(6 * HOUR, rel=0.05)
    assert found.growth_bytes_per_second * HOUR == pytest.approx(50 * MI, rel=0.05)
    assert found.earliest_seconds is not None
    assert found.latest_seconds is not None
    assert found.earliest_seconds <= found.seconds_to_limit <= found.latest_seconds


def test_confidence_rises_as_more_of_the_way_is_seen() -> None:
    seen = [outlook(watched(ramp, hours)).confidence for hours in (4, 14.5, 16.5)]

    assert seen == [Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH]


def test_a_leak_that_begins_after_a_quiet_day_is_seen_within_the_hour() -> None:
    found = outlook(watched(lambda t: 200 + max(0.0, t - DAY) / HOUR * 400, 25.2, every=60))

    assert found.seconds_to_limit == pytest.approx(0.8 * HOUR, rel=0.2)
    assert found.window_seconds < 1.5 * HOUR


def test_the_floor_under_a_sawtooth_counts_where_the_peaks_stay() -> None:
    def above(t: float) -> float:
        return (900 - ramp(t)) * (t % (20 * MINUTE)) / (20 * MINUTE)

    found = outlook(watched(ramp, 12, every=60, above=above))

    assert found.by_peaks is False
    assert found.seconds_to_limit == pytest.approx(6 * HOUR, rel=0.1)


def test_the_peaks_count_where_they_rise_with_the_floor() -> None:
    found = outlook(watched(ramp, 12, every=60, above=lambda t: 200 * (t % 480) / 420))

    assert found.by_peaks is True
    assert found.seconds_to_limit == pytest.approx(2.2 * HOUR, rel=0.15)
    assert "peaks" in found.why


@pytest.mark.parametrize(
    ("level", "shapes"),
    [
        pytest.param(lambda _: 800, {Shape.STEADY}, id="level"),
        pytest.param(lambda t: 500 + 8 * math.sin(t), {Shape.STEADY}, id="noise"),
        pytest.param(lambda t: 850 - 700 * math.exp(-t / (2 * HOUR)), {Shape.SLOWING, Shape.STEP, Shape.STEADY}, id="warm-up"),
        pytest.param(lambda t: 300 if t < 15 * HOUR else 700, {Shape.STEP, Shape.STEADY}, id="step"),
        pytest.param(lambda t: 200 + 600 * (t % (5 * HOUR)) / (5 * HOUR), {Shape.COMES_BACK}, id="slow teeth"),
        pytest.param(lambda t: 500 - 300 * math.cos(2 * math.pi * t / DAY), {Shape.COMES_BACK}, id="days"),
    ],
)
def test_what_does_not_reach_the_limit(level: Callable[[float], float], shapes: set[Shape]) -> None:
    found = outlook(watched(level, 32))

    assert found.seconds_to_limit is None
    assert found.shape in shapes
    assert found.why


def test_a_warm_up_is_told_with_the_level_where_it_ends() -> None:
    assert "it is slowing, to end at about 8" in outlook(watched(lambda t: 850 - 700 * math.exp(-t / (4 * HOUR)), 6)).why


def test_too_short_a_watch_says_so_and_gives_no_time() -> None:
    found = outlook(watched(ramp, 0.05, every=30))

    assert (found.shape, found.seconds_to_limit) == (Shape.UNKNOWN, None)
    assert found.why == "watched for 3 min, 5 min are needed"


def test_a_silent_agent_makes_the_forecast_unknown() -> None:
    found = outlook(watched(ramp, 12), NOW + HOUR)

    assert (found.shape, found.seconds_to_limit) == (Shape.UNKNOWN, None)
    assert found.why == "nothing was told for 60 min"


def test_time_goes_on_since_the_newest_reading() -> None:
    history = watched(ramp, 12)
    now, later = outlook(history).seconds_to_limit, outlook(history, NOW + 600).seconds_to_limit

    assert now is not None
    assert later == pytest.approx(now - 600)


def test_without_a_limit_or_a_reading_there_is_no_forecast() -> None:
    assert forecast(FloorHistory(), LIMIT, NOW) is None
    assert forecast(watched(ramp, 1), 0, NOW) is None


def test_at_the_limit_no_time_is_left() -> None:
    found = outlook(watched(lambda _: 1000, 1))

    assert (found.shape, found.seconds_to_limit) == (Shape.AT_LIMIT, 0.0)


def test_growth_in_the_runs_before_makes_the_same_growth_more_certain() -> None:
    history = FloorHistory()
    for index, run in enumerate((FIRST_RUN, SECOND_RUN)):
        history = watched(lambda t: 100 + 300 * t / HOUR, 3, until=NOW - (2 - index) * 4 * HOUR, run=run, before=history)
    leaking = watched(lambda t: 100 + 300 * t / HOUR, 1, every=60, run=THIRD_RUN, before=history)
    first = watched(lambda t: 100 + 300 * t / HOUR, 1, every=60)

    assert outlook(leaking).grown_runs == 2
    assert (outlook(first).confidence, outlook(leaking).confidence) == (Confidence.LOW, Confidence.MEDIUM)


def test_a_start_up_to_where_the_last_run_stayed_is_no_leak() -> None:
    warm = watched(lambda t: min(700, 100 + 600 * t / HOUR), 6, until=NOW - 2 * HOUR)
    again = watched(lambda t: 100 + 600 * t / HOUR, 0.8, every=60, run=SECOND_RUN, before=warm)

    assert outlook(again).shape is Shape.COMES_BACK
    assert "an earlier run" in outlook(again).why


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 2**63), st.integers(0, 2**63)), max_size=60), st.integers(1, 2**63))
def test_whatever_was_read_times_are_in_order_and_finite(readings: list[tuple[float, int, int]], limit: int) -> None:
    history, now = FloorHistory(), NOW
    for step, floor, value in readings:
        now += step % 4000
        history = history.observed(FIRST_RUN, now, floor, value)
    found = forecast(history, limit, now)
    if found is not None and found.seconds_to_limit is not None:
        earliest, latest = found.earliest_seconds or 0.0, found.latest_seconds or found.seconds_to_limit
        assert 0 <= earliest <= found.seconds_to_limit <= latest < math.inf
