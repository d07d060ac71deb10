"""PodLimit: several containers filled the pod."""

from __future__ import annotations

from tests.oomsight_operator.judgement.cause.build import MI, POD, context, held, incident, kill, row, sample, triggered_by, victim

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause


def test_victim_trigger_and_who_filled_it_may_be_three() -> None:
    """Case 6 of the specification: limit owner pod, victim B, trigger A."""
    killed = kill(POD, limit=None, memory=held(1024 * MI, 1024 * MI, anon=1000 * MI, file=8 * MI, shmem=0, kernel=16 * MI))
    rows = {"app": row("app", 120 * MI), "cache": row("cache", 700 * MI), "proxy": row("proxy", 40 * MI)}

    judged = judge_cause(
        killed,
        context(alone_in_pod=False, pod_rows=rows, incident=incident(victim(), trigger=triggered_by("proxy"))),
    )

    assert judged.cause is Cause.POD_LIMIT
    assert judged.sentence == (
        "container app was killed at the limit 1Gi of its pod: its pod held 1000Mi anonymous, 8Mi page cache, 16Mi kernel (kernel"
        " log); that is the limit of all containers of the pod together, hit by container proxy (last known: cache 700Mi,"
        " app 120Mi)"
    )


def test_a_container_alone_in_its_pod_has_its_own_reasons() -> None:
    """Measured: with one container the pod's limit, which is the same number, often fires first."""
    killed = kill(POD, memory=held(anon=500 * MI), before=sample(480 * MI, slope=0.0))

    judged = judge_cause(killed, context(alone_in_pod=True))

    assert judged.cause is Cause.LIMIT_TOO_LOW
    assert "was killed at the limit 512Mi of its pod" in judged.sentence


def test_equal_limits_count_as_alone_only_where_that_is_not_known() -> None:
    killed = kill(POD, memory=held(anon=500 * MI), before=sample(480 * MI, slope=0.0))

    assert judge_cause(killed, context(alone_in_pod=None)).cause is Cause.LIMIT_TOO_LOW
    assert judge_cause(killed, context(alone_in_pod=False)).cause is Cause.POD_LIMIT


def test_without_the_log_the_pods_limit_is_the_contexts() -> None:
    judged = judge_cause(kill(POD), context(alone_in_pod=False, pod_limit_bytes=768 * MI))

    assert judged.sentence == (
        "container app was killed at the limit 768Mi of its pod, and what it held is not known; that is the limit of all"
        " containers of the pod together"
    )


def test_what_the_container_held_is_not_told_as_the_pods() -> None:
    judged = judge_cause(kill(POD, before=sample(40 * MI, 3.0, anon=40 * MI)), context(alone_in_pod=False))

    assert "was killed at the limit of its pod: it held 40Mi anonymous (last sample 3 s before)" in judged.sentence
