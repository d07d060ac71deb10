"""Levels rise at once, fall late, and do not tremble."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_api.names import RiskLevel
from oomsight_operator.judgement.hysteresis import level_by_rate, level_by_thresholds, settle

NONE, LOW, MEDIUM, HIGH, CRITICAL, UNKNOWN = (
    RiskLevel.NONE,
    RiskLevel.LOW,
    RiskLevel.MEDIUM,
    RiskLevel.HIGH,
    RiskLevel.CRITICAL,
    RiskLevel.UNKNOWN,
)
THRESHOLDS = ((LOW, 70), (MEDIUM, 80), (HIGH, 90), (CRITICAL, 95))
LEVELS = st.sampled_from(list(RiskLevel))


@pytest.mark.parametrize(
    ("percent", "previous", "expected"),
    [
        (69, NONE, NONE),
        (70, NONE, LOW),
        (89, NONE, MEDIUM),
        (90, NONE, HIGH),
        (100, NONE, CRITICAL),
        (120, NONE, CRITICAL),
        (89, HIGH, HIGH),
        (85, HIGH, HIGH),
        (84, HIGH, MEDIUM),
        (64, HIGH, NONE),
        (89, MEDIUM, MEDIUM),
    ],
)
def test_thresholds_with_five_points_of_hysteresis(percent: int, previous: RiskLevel, expected: RiskLevel) -> None:
    assert level_by_thresholds(percent, 100, THRESHOLDS, previous, 5) is expected


def test_a_value_just_below_a_threshold_does_not_reach_it() -> None:
    limit = 512 * 1024 * 1024

    assert level_by_thresholds(limit * 9 // 10 - 1, limit, THRESHOLDS, NONE, 0) is MEDIUM


def test_hysteresis_wider_than_the_threshold_never_holds_a_container_that_uses_nothing() -> None:
    assert level_by_thresholds(0, 100, ((LOW, 10),), LOW, 50) is NONE


@pytest.mark.parametrize(
    ("rate", "previous", "expected"),
    [
        (199.9, NONE, NONE),
        (200.0, NONE, LOW),
        (2000.0, NONE, MEDIUM),
        (1900.0, MEDIUM, MEDIUM),
        (1899.9, MEDIUM, LOW),
        (190.0, LOW, LOW),
    ],
)
def test_a_rate_falls_a_share_of_its_threshold_below_it(rate: float, previous: RiskLevel, expected: RiskLevel) -> None:
    assert level_by_rate(rate, ((LOW, 200), (MEDIUM, 2000)), previous, 5) is expected


@given(st.integers(0, 200), LEVELS, st.integers(0, 50))
def test_hysteresis_only_ever_holds_a_level_up(percent: int, previous: RiskLevel, points: int) -> None:
    plain = level_by_thresholds(percent, 100, THRESHOLDS, NONE, points)
    held = level_by_thresholds(percent, 100, THRESHOLDS, previous, points)

    assert plain.severity <= held.severity <= max(plain.severity, previous.severity)


def test_a_level_rises_at_once() -> None:
    assert settle(HIGH, LOW, None, 100.0, 300).level is HIGH


def test_a_level_falls_only_after_the_hold() -> None:
    first = settle(LOW, HIGH, None, 1000.0, 300)
    still = settle(LOW, HIGH, first.lower_since_seconds, 1299.0, 300)
    fallen = settle(LOW, HIGH, still.lower_since_seconds, 1300.0, 300)

    assert (first.level, first.falls_at_seconds) == (HIGH, 1300.0)
    assert still.level is HIGH
    assert (fallen.level, fallen.lower_since_seconds) == (LOW, None)


def test_a_level_that_is_reached_again_starts_the_hold_anew() -> None:
    again = settle(HIGH, HIGH, 1000.0, 1200.0, 300)

    assert again.lower_since_seconds is None


def test_no_hold_to_or_from_unknown() -> None:
    assert settle(UNKNOWN, CRITICAL, None, 0.0, 300).level is UNKNOWN
    assert settle(NONE, UNKNOWN, None, 0.0, 300).level is NONE


def test_a_clock_that_was_set_back_does_not_hold_for_ever() -> None:
    held = settle(NONE, HIGH, 5000.0, 1000.0, 300)

    assert held.falls_at_seconds == 1300.0


def test_no_hold_falls_at_once() -> None:
    assert settle(NONE, HIGH, None, 0.0, 0).level is NONE
