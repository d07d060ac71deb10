"""Burst: far below the limit one moment, at it the next."""

from __future__ import annotations

from tests.oomsight_operator.judgement.cause.build import MI, context, held, kill, sample

from oomsight_api.names import Cause
from oomsight_api.policy import NearLimitThresholds
from oomsight_operator.judgement.cause.evidence import KNOWN_LIMIT_NEAR_PERCENT
from oomsight_operator.judgement.cause.rules import judge_cause


def test_a_jump_from_far_below_within_seconds() -> None:
    judged = judge_cause(kill(memory=held(anon=500 * MI), before=sample(120 * MI, 3.4, working_set=180 * MI)), context(ran=7200.0))

    assert judged.cause is Cause.BURST
    assert judged.sentence == (
        "container app was killed at its own limit 512Mi: 500Mi anonymous (kernel log); kubectl top showed 180Mi 3 s before; what"
        " cannot be reclaimed was 120Mi (23 % of the limit) 3 s before and jumped"
    )


def test_far_below_means_that_no_risk_was_told() -> None:
    assert NearLimitThresholds().low_percent == KNOWN_LIMIT_NEAR_PERCENT
    assert judge_cause(kill(limit=100 * MI, before=sample(69 * MI)), context()).cause is Cause.BURST
    assert judge_cause(kill(limit=100 * MI, before=sample(70 * MI)), context()).cause is Cause.LIMIT_TOO_LOW


def test_an_old_sample_does_not_tell_a_jump_from_growth() -> None:
    judged = judge_cause(kill(before=sample(120 * MI, 300.0)), context(ran=7200.0))

    assert judged.cause is Cause.UNKNOWN
    assert "(missing: a sample later than 5 min before it)" in judged.sentence


def test_whose_memory_ran_out_must_be_known() -> None:
    """The counter rises of a node-wide kill as well."""
    judged = judge_cause(kill(None, before=sample(120 * MI)), context(ran=7200.0))

    assert judged.cause is Cause.UNKNOWN
    assert "(missing: whose memory ran out" in judged.sentence
