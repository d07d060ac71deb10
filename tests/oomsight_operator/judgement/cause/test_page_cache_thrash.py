"""PageCacheThrash: cache that could not be dropped when it was killed, never cache seen before."""

from __future__ import annotations

from tests.oomsight_operator.judgement.cause.build import MI, context, held, kill, sample

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause

CACHE = held(anon=90 * MI, file=400 * MI, shmem=0, kernel=22 * MI)


def test_cache_at_the_kill_that_was_read_again_and_again() -> None:
    judged = judge_cause(kill(memory=CACHE, before=sample(110 * MI, refaults=1234.5)), context())

    assert judged.cause is Cause.PAGE_CACHE_THRASH
    assert judged.sentence == (
        "container app was killed at its own limit 512Mi: 90Mi anonymous, 400Mi page cache, 22Mi kernel (kernel log); page cache is"
        " most of it and could not be dropped; 1234 dropped pages a second were read again before"
    )


def test_without_refaults_it_was_not_droppable() -> None:
    for before in (None, sample(110 * MI, refaults=0.0)):
        judged = judge_cause(kill(memory=CACHE, before=before), context())
        assert judged.cause is Cause.PAGE_CACHE_THRASH
        assert judged.sentence.endswith("could not be dropped in time: dirty, being written, or locked")


def test_much_cache_in_a_sample_proves_nothing() -> None:
    """The kernel drops it before it kills, and did so here."""
    before = sample(400 * MI, anon=390 * MI, file=110 * MI, shmem=0, refaults=5000.0, slope=0.0)
    cached = sample(20 * MI, anon=10 * MI, file=480 * MI, shmem=0, refaults=5000.0)

    assert judge_cause(kill(memory=held(anon=500 * MI, file=0, shmem=0), before=before), context()).cause is Cause.LIMIT_TOO_LOW
    assert judge_cause(kill(before=cached), context()).cause is Cause.BURST
