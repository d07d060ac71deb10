"""Unknown: what is missing, and what would tell more."""

from __future__ import annotations

from tests.oomsight_operator.judgement.cause.build import MI, context, held, incident, kill, sample, victim

from oomsight_api.incident import Evidence
from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause
from oomsight_operator.judgement.kills.model import KillSource

WOULD_TELL = "; the agent does not read the kernel's log: --kernel-log would tell more"


def test_the_kubelets_word_alone() -> None:
    judged = judge_cause(kill(None, source=KillSource.STATUS), context())

    assert judged.cause is Cause.UNKNOWN
    assert judged.sentence == (
        "container app was killed by an OOM of unknown scope (the container's own limit is 512Mi), and what it held is not known;"
        f" cause unknown (missing: whose memory ran out, a sample before it){WOULD_TELL}"
    )


def test_an_agent_that_reads_the_log_is_not_told_to() -> None:
    rate_limited = judge_cause(kill(source=KillSource.COUNTER), context(kernel_log_following=True))
    told = judge_cause(kill(source=KillSource.STATUS), context(incident=incident(victim(), evidence=Evidence.BOTH)))

    assert rate_limited.sentence.endswith("; the kernel's log told nothing of it (its rate limit, or lines overwritten)")
    assert told.sentence.endswith("cause unknown (missing: a sample before it)")


def test_an_agent_that_is_silent_or_cannot_read_the_log_is_not_told_to_either() -> None:
    told = kill(None, source=KillSource.STATUS)

    assert judge_cause(told, context(agent_silent=True)).sentence.endswith("; its node's agent has told nothing of it")
    cannot = judge_cause(told, context(kernel_log_following=False))
    assert cannot.sentence.endswith("; the agent is to read the kernel's log and cannot: its own log says why")


def test_what_filled_it_is_told_although_the_cause_is_not() -> None:
    judged = judge_cause(kill(memory=held(anon=500 * MI, file=2 * MI, shmem=0, kernel=10 * MI)), context())

    assert judged.sentence == (
        "container app was killed at its own limit 512Mi: 500Mi anonymous, 2Mi page cache, 10Mi kernel (kernel log); cause unknown"
        " (missing: a sample before it)"
    )


def test_a_sample_without_the_need_and_a_limit_that_nobody_knows() -> None:
    judged = judge_cause(kill(limit=None, before=sample(working_set=10 * MI)), context())

    assert "(missing: the limit that fired, what could not be reclaimed shortly before it)" in judged.sentence
