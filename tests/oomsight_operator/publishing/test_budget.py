"""How many writes are allowed, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_api.names import RiskLevel
from oomsight_operator.publishing.budget import (
    KeyedBuckets,
    TokenBucket,
    has_risen,
    is_at_risk,
    is_no_longer_known,
    not_before,
    priority_of,
)


def test_a_burst_is_allowed_and_then_the_rate_sets_the_pace() -> None:
    bucket = TokenBucket(rate_per_second=10, burst=100)
    taken = sum(bucket.take(0.0) for _ in range(500))
    assert taken == 100
    assert bucket.wait_seconds(0.0) == pytest.approx(0.1)
    assert not bucket.take(0.05)
    assert bucket.take(0.15)


def test_time_that_goes_back_gives_nothing_and_breaks_nothing() -> None:
    bucket = TokenBucket(rate_per_second=1, burst=1)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert not bucket.take(100.5)
    assert bucket.take(101.0)


def test_an_overdrawn_budget_is_paid_back_before_anything_else() -> None:
    bucket = TokenBucket(rate_per_second=1, burst=2)
    assert bucket.take(0.0)
    bucket.charge(3)
    assert bucket.wait_seconds(0.0) == pytest.approx(3.0)


def test_what_was_not_used_is_given_back_but_never_more_than_the_burst() -> None:
    bucket = TokenBucket(rate_per_second=0.001, burst=1)
    assert bucket.take(0.0)
    bucket.charge(-1)
    bucket.charge(-1)
    assert bucket.take(0.0)
    assert not bucket.take(0.0)


@given(st.lists(st.floats(min_value=0, max_value=20), max_size=200))
def test_no_pattern_of_asking_exceeds_burst_plus_rate(pauses: list[float]) -> None:
    bucket = TokenBucket(rate_per_second=2, burst=5)
    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= 5 + 2 * now + 1e-6


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_budget_that_allows_nothing_is_a_mistake_and_said(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="budget needs a rate above 0"):
        TokenBucket(rate, burst)


def test_every_object_has_its_own_share() -> None:
    buckets = KeyedBuckets(rate_per_second=1 / 300, burst=25)
    assert sum(buckets.take("noisy", 0.0) for _ in range(100)) == 25
    assert buckets.take("quiet", 0.0)
    assert not buckets.take("noisy", 299.0)
    assert buckets.take("noisy", 301.0)


def test_objects_that_were_quiet_long_enough_are_forgotten() -> None:
    buckets = KeyedBuckets(rate_per_second=1, burst=2)
    for number in range(1024):
        buckets.take(f"pod-{number}", 0.0)
    buckets.take("later", 10.0)
    assert len(buckets) == 1


def test_only_a_level_worse_than_the_published_one_may_jump_the_interval() -> None:
    assert has_risen(RiskLevel.LOW, RiskLevel.HIGH)
    assert has_risen(None, RiskLevel.LOW)
    assert has_risen(RiskLevel.UNKNOWN, RiskLevel.CRITICAL)
    assert not has_risen(RiskLevel.UNKNOWN, RiskLevel.NONE)
    assert not has_risen(RiskLevel.HIGH, RiskLevel.HIGH)
    assert not has_risen(RiskLevel.HIGH, RiskLevel.UNKNOWN)
    assert not has_risen(None, RiskLevel.NONE)
    assert not_before(100.0, 300.0, urgent=False) == 400.0
    assert not_before(100.0, 300.0, urgent=True) < 0
    assert not_before(None, 300.0, urgent=False) < 0


def test_kills_go_first_then_the_worst_level() -> None:
    order = sorted(RiskLevel, key=priority_of)
    assert order == [RiskLevel.UNKNOWN, RiskLevel.NONE, RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH, RiskLevel.CRITICAL]
    assert priority_of(RiskLevel.LOW, killed=True) > priority_of(RiskLevel.CRITICAL)
    assert [level.value for level in RiskLevel if is_at_risk(level)] == ["low", "medium", "high", "critical"]


def test_a_stale_green_may_not_wait_a_stale_warning_may() -> None:
    assert is_no_longer_known(RiskLevel.NONE, RiskLevel.UNKNOWN)
    assert is_no_longer_known(RiskLevel.LOW, RiskLevel.UNKNOWN)
    assert not is_no_longer_known(RiskLevel.HIGH, RiskLevel.UNKNOWN)
    assert not is_no_longer_known(RiskLevel.UNKNOWN, RiskLevel.UNKNOWN)
    assert not is_no_longer_known(None, RiskLevel.UNKNOWN)
    assert not is_no_longer_known(RiskLevel.NONE, RiskLevel.HIGH)
