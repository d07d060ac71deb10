"""Samples stay on their grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.schedule import Schedule


def test_a_slow_sample_does_not_shift_the_next_one() -> None:
    schedule = Schedule(interval_seconds=1.0, start_seconds=100.0)
    assert schedule.seconds_until_next(100.25) == 0.75
    assert schedule.seconds_until_next(101.9) == pytest.approx(0.1)


def test_missed_samples_are_not_made_up_for() -> None:
    assert Schedule(1.0, 100.0).seconds_until_next(107.5) == 0.5


@given(st.floats(0.05, 3600), st.floats(0, 1e9), st.floats(0, 1e7))
def test_the_wait_is_never_negative_and_never_longer_than_the_interval(interval: float, start: float, passed: float) -> None:
    wait = Schedule(interval, start).seconds_until_next(start + passed)
    assert 0 <= wait <= interval * 1.000001 + 1e-6
