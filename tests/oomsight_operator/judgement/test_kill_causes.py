"""A cause is judged anew when its incident becomes clearer, and only then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, judge, pod, spec

from oomsight_api.incident import Evidence, Incident, KillMemory, LastSample, OomScope, Victim
from oomsight_api.names import Cause
from oomsight_operator.judgement.kills.model import KillCause
from oomsight_operator.judgement.model import ContainerHistory, PodHistory

APP = spec(limit=512 * MI)
SAMPLE = LastSample(age_seconds=9.0, unreclaimable_bytes=480 * MI, floor_slope_bytes_per_second=0.0)


def oom(*pids: int, **more: Any) -> Incident:
    victims = tuple(Victim(pod_uid="uid-1", container_id=FIRST_RUN, pid=pid, name="worker") for pid in pids)
    return Incident(
        id="boot-1",
        time_seconds=NOW,
        evidence=Evidence.KERNEL_LOG,
        scope=OomScope.CONTAINER,
        victims=victims,
        victim_count=len(victims),
        container_survived=True,
        **more,
    )


def cause_of(history: PodHistory) -> KillCause:
    (kill,) = history.containers["app"].kills
    assert kill.cause is not None
    return kill.cause


def test_victims_that_are_told_later_stand_in_the_sentence() -> None:
    _, first = judge(pod(APP), {}, incidents=(oom(10),))
    _, later = judge(pod(APP), {}, first, now=NOW + 1, incidents=(oom(10, 11, 12),))

    assert cause_of(first).sentence.startswith("process worker (pid 10) of container app was killed")
    assert cause_of(later).sentence.startswith("process worker (pid 10) and 2 more of container app were killed")


def test_numbers_that_come_later_explain_what_was_unknown() -> None:
    memory = KillMemory(usage_bytes=512 * MI, limit_bytes=512 * MI, anon_bytes=500 * MI)
    _, first = judge(pod(APP), {}, incidents=(oom(10),))
    _, later = judge(pod(APP), {}, first, now=NOW + 1, incidents=(oom(10, memory=memory, before=SAMPLE),))

    assert cause_of(first).cause is Cause.UNKNOWN
    assert cause_of(later).cause is Cause.LIMIT_TOO_LOW
    assert "500Mi anonymous (kernel log)" in cause_of(later).sentence


def test_a_restored_cause_stands_when_its_incident_is_told_again() -> None:
    _, first = judge(pod(APP), {}, incidents=(oom(10, before=SAMPLE),))
    told = KillCause(Cause.LEAK, "as it was judged with what was known then")
    (kill,) = first.containers["app"].kills
    restored = PodHistory({"app": ContainerHistory(kills=(replace(kill, before=None, cause=told),))})
    _, later = judge(pod(APP), {}, restored, now=NOW + 60, incidents=(oom(10, before=SAMPLE),))

    assert cause_of(later) == told
