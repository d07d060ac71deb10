"""What is remembered of a floor: bounded, finest where it is youngest, whole over restarts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, SECOND_RUN, THIRD_RUN
from tests.oomsight_operator.judgement.forecast.floors import DAY, HOUR, watched

from oomsight_operator.judgement.forecast.history import HISTORY_SECONDS, MAX_POINTS, MAX_RUNS, UNIT_BYTES, FloorHistory

READINGS = st.lists(
    st.tuples(
        st.sampled_from((FIRST_RUN, SECOND_RUN, "\ud800")),
        st.one_of(st.floats(), st.integers(0, 2**34)),
        st.integers(-1, 2**70),
        st.integers(-1, 2**70),
    ),
    max_size=80,
)


def test_a_week_of_readings_fits_into_a_kibibyte() -> None:
    history = watched(lambda t: 300 + 200 * math.sin(t / 900), 7 * 24, every=60)

    assert len(history.points) <= MAX_POINTS
    assert len(history.packed_points) + len(history.packed_runs) <= 1024


def test_the_last_minutes_are_kept_finer_than_the_days_before() -> None:
    points = watched(lambda t: 300 + 50 * math.sin(t / 300), 3 * 24, every=60).points
    last_hour = [point for point in points if point.seconds > NOW - HOUR]
    first_day = [point for point in points if point.seconds < NOW - 2 * DAY]

    assert len(last_hour) >= 8
    assert len(first_day) >= 3
    assert (first_day[-1].seconds - first_day[0].seconds) / len(first_day) > HOUR


def test_a_steady_container_costs_a_few_points() -> None:
    assert len(watched(lambda _: 300, 3 * 24).points) <= 3


def test_a_floor_that_has_not_moved_for_longer_than_a_week_was_watched_for_a_week() -> None:
    points = watched(lambda _: 300, 8 * 24).points

    assert points[-1].seconds - points[0].seconds == HISTORY_SECONDS
    assert len(points) <= 3


def test_what_is_older_than_a_week_and_was_not_level_goes() -> None:
    points = watched(lambda t: 100 if t < HOUR else 300, 8 * 24).points

    assert points[-1].seconds - points[0].seconds <= HISTORY_SECONDS
    assert min(point.low for point in points) * UNIT_BYTES == 300 * MI


def test_every_point_of_a_ramp_lies_on_the_ramp() -> None:
    for point in watched(lambda t: 100 + t / 360, 24, every=60).points:
        expected = 100 + (point.seconds - (NOW - DAY)) / 360
        assert point.low * UNIT_BYTES / MI == pytest.approx(expected, abs=1)


def test_the_lowest_and_the_highest_survive_all_merging() -> None:
    history = watched(lambda t: 50 if 3600 <= t < 3660 else 300, 48, every=60, above=lambda t: 200 if 7200 <= t < 7260 else 0)

    assert min(point.low for point in history.points) * UNIT_BYTES == 50 * MI
    assert max(point.high for point in history.points) * UNIT_BYTES == 500 * MI


def test_a_new_container_id_begins_a_new_run_and_keeps_a_summary_of_the_last() -> None:
    first = watched(lambda t: 100 + t / 36, 5, until=NOW - HOUR)
    second = watched(lambda _: 100, 0.5, run=SECOND_RUN, before=first)

    (run,) = second.runs
    assert run.first * UNIT_BYTES == pytest.approx(100 * MI, rel=0.05)
    assert run.middle * UNIT_BYTES == pytest.approx(350 * MI, rel=0.05)
    assert run.last * UNIT_BYTES == pytest.approx(537 * MI, rel=0.05)
    assert all(point.seconds >= NOW - HOUR for point in second.points)


def test_short_runs_of_a_crash_loop_leave_nothing_and_long_ones_are_bounded() -> None:
    history = FloorHistory()
    for index in range(20):
        history = watched(lambda _: 100, 0.05, every=15, until=NOW + index * 600, run=f"short-{index}", before=history)
    assert history.runs == []

    for index in range(20):
        history = watched(lambda t: 100 + t / 36, 1, until=NOW + (index + 20) * 7200, run=f"long-{index}", before=history)
    assert len(history.runs) == MAX_RUNS


def test_an_old_reading_is_left_out_and_a_clock_set_back_begins_anew() -> None:
    history = watched(lambda t: 100 + t / 36, 2)

    assert history.observed(FIRST_RUN, NOW - 60, MI, MI) == history
    assert len(history.observed(FIRST_RUN, NOW - 2 * HOUR, MI, MI).points) == 1


def test_readings_after_a_restart_of_the_container_are_not_mixed_with_those_before() -> None:
    first = watched(lambda t: 100 + t / 36, 2, until=NOW - HOUR)
    back_and_forth = first.observed(SECOND_RUN, NOW - 60, 90 * MI, 90 * MI).observed(THIRD_RUN, NOW, 80 * MI, 80 * MI)

    assert [point.low * UNIT_BYTES for point in back_and_forth.points] == [80 * MI]
    assert len(back_and_forth.runs) == 1


@given(READINGS)
def test_hostile_readings_never_break_the_order_or_the_bounds(readings: list[tuple[str, float, int, int]]) -> None:
    history = FloorHistory()
    for run, time, floor, value in readings:
        history = history.observed(run, time, floor, value)
        points = history.points
        assert len(points) <= MAX_POINTS
        assert [point.seconds for point in points] == sorted({point.seconds for point in points})
        assert all(point.low <= point.top and point.low <= point.high for point in points)
        assert len(history.runs) <= MAX_RUNS
