"""Leak: steady growth up to the limit, or the same limit after ever the same time."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.cause.build import KI, MI, context, earlier, held, kill, sample

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause

DAY = 86400.0
HOUR = 3600.0


def test_a_floor_that_grew_over_the_whole_run() -> None:
    killed = kill(
        memory=held(anon=490 * MI, file=2 * MI, shmem=0, kernel=20 * MI),
        before=sample(505 * MI, slope=400 * MI / (3 * HOUR), working_set=508 * MI),
    )

    judged = judge_cause(killed, context(ran=3 * HOUR))

    assert judged.cause is Cause.LEAK
    assert judged.sentence == (
        "container app was killed at its own limit 512Mi: 490Mi anonymous, 2Mi page cache, 20Mi kernel (kernel log); kubectl top"
        " showed 508Mi 9 s before; what cannot be reclaimed grew by 133Mi an hour in the last 10 min of a run of 3 h"
        " and met the limit"
    )


@pytest.mark.parametrize(("ran", "told"), [(None, "in its last 10 min"), (400.0, "in a run of 6 min")])
def test_growth_is_told_of_no_longer_than_it_was_watched(ran: float | None, told: str) -> None:
    judged = judge_cause(kill(before=sample(500 * MI, slope=1.0 * MI)), context(ran=ran))

    assert f"grew by 3.52Gi an hour {told} and met the limit" in judged.sentence


def test_a_slow_leak_of_days() -> None:
    slow = sample(500 * MI, slope=400 * MI / (2 * DAY))

    assert judge_cause(kill(before=slow), context(ran=2 * DAY)).cause is Cause.LEAK


def test_growth_that_does_not_explain_the_limit_is_none() -> None:
    noise = sample(500 * MI, slope=0.5 * KI)
    warming = sample(500 * MI, slope=0.1 * MI)

    assert judge_cause(kill(before=noise), context(ran=30 * DAY)).cause is Cause.LIMIT_TOO_LOW
    judged = judge_cause(kill(before=warming), context(ran=500.0))
    assert judged.cause is Cause.LIMIT_TOO_LOW
    assert "growing little over its run" in judged.sentence


def test_a_jump_at_the_end_of_slow_growth_is_a_burst() -> None:
    assert judge_cause(kill(before=sample(200 * MI, slope=20 * KI)), context(ran=3 * HOUR)).cause is Cause.BURST


def test_where_the_start_is_not_known_the_growth_in_the_window_must_be_clear() -> None:
    clear, faint = sample(500 * MI, slope=50 * KI), sample(500 * MI, slope=10 * KI)

    assert judge_cause(kill(before=clear), context()).cause is Cause.LEAK
    assert judge_cause(kill(before=faint), context()).cause is Cause.LIMIT_TOO_LOW


def test_what_the_slope_adds_until_the_kill_counts() -> None:
    """Ten minutes before it was at 60 %, and came there by itself."""
    judged = judge_cause(kill(before=sample(307 * MI, age=600.0, slope=0.3 * MI)), context(ran=1500.0))

    assert judged.cause is Cause.LEAK


def test_the_same_limit_after_ever_the_same_time() -> None:
    past = earlier(2 * HOUR, 4.1 * HOUR, 6 * HOUR)

    judged = judge_cause(kill(before=sample(480 * MI)), context(ran=2 * HOUR, earlier_kills=past))

    assert judged.cause is Cause.LEAK
    assert judged.sentence.endswith("it meets the same limit about every 2 h; 3 earlier kills known at this limit in 24 h")


def test_uneven_few_or_quick_kills_have_no_rhythm() -> None:
    """A crash loop's back-off is even as well."""
    for past in (earlier(HOUR, 5 * HOUR, 6 * HOUR), earlier(2 * HOUR, 4 * HOUR), earlier(300.0, 600.0, 900.0, 1200.0)):
        judged = judge_cause(kill(before=sample(480 * MI)), context(ran=200.0, earlier_kills=past))
        assert judged.cause is Cause.LIMIT_TOO_LOW


def test_a_rhythm_with_a_floor_that_falls_is_no_leak() -> None:
    past = earlier(2 * HOUR, 4 * HOUR, 6 * HOUR)

    judged = judge_cause(kill(before=sample(480 * MI, slope=-10.0)), context(ran=2 * HOUR, earlier_kills=past))

    assert judged.cause is Cause.LIMIT_TOO_LOW
