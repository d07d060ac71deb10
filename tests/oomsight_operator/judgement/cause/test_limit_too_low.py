"""LimitTooLow: a steady need near the limit."""

from __future__ import annotations

from tests.oomsight_operator.judgement.cause.build import MI, context, earlier, held, kill, sample

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause


def test_a_steady_need_near_the_limit() -> None:
    killed = kill(
        memory=held(anon=480 * MI, file=1 * MI, shmem=0, kernel=31 * MI), before=sample(471 * MI, slope=12.0, working_set=490 * MI)
    )

    judged = judge_cause(killed, context(ran=7200.0, earlier_kills=earlier(3000.0)))

    assert judged.cause is Cause.LIMIT_TOO_LOW
    assert judged.sentence == (
        "container app was killed at its own limit 512Mi: 480Mi anonymous, 1Mi page cache, 31Mi kernel (kernel log); kubectl top"
        " showed 490Mi 9 s before; what cannot be reclaimed was 471Mi (91 % of the limit) 9 s before and not growing; 1 earlier"
        " kill known at this limit in 24 h"
    )


def test_growth_that_was_not_watched_is_said() -> None:
    judged = judge_cause(kill(before=sample(471 * MI)), context(ran=120.0))

    assert judged.cause is Cause.LIMIT_TOO_LOW
    assert "watched too shortly to see growth" in judged.sentence


def test_where_the_scope_is_not_known_it_must_have_been_very_near() -> None:
    assert judge_cause(kill(None, limit=100 * MI, before=sample(89 * MI)), context()).cause is Cause.UNKNOWN
    judged = judge_cause(kill(None, limit=100 * MI, before=sample(90 * MI)), context())
    assert judged.cause is Cause.LIMIT_TOO_LOW
    assert "by an OOM of unknown scope (the container's own limit is 100Mi)" in judged.sentence


def test_without_a_limit_there_is_none_too_low() -> None:
    assert judge_cause(kill(None, limit=None, before=sample(471 * MI)), context()).cause is Cause.UNKNOWN
