"""Incidents of a pod's containers become kills of its assessment."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, SECOND_RUN, end, judge, memory, pod, row, running, spec

from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_api.names import Cause, RiskLevel, RiskReason
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import ContainerStatus, PodHistory

APP = spec(request=512 * MI, limit=512 * MI)


def pods_counter(at: float) -> Incident:
    """What the agent tells of a kill that the pod's counter alone shows."""
    return Incident(
        id="boot-pod-1",
        time_seconds=at,
        not_before_seconds=at - 1,
        evidence=Evidence.COUNTER,
        victims=(Victim(pod_uid="uid-1", ordinal=1),),
        victim_count=1,
    )


def died(name: str, seconds: float, *, code: int = 137) -> ContainerStatus:
    return running(name, SECOND_RUN, restarts=1, last_terminated=end(FIRST_RUN + name, "Error", code, NOW + seconds))


@pytest.mark.parametrize("told_at", [2, 5], ids=["in the same judgement", "after the kubelet told of the end"])
def test_a_run_lost_between_two_samples_is_corrected_by_the_pods_counter(told_at: int) -> None:
    history = PodHistory()
    told: list[Kill] = []
    due: list[float | None] = []
    for second in (2, 5, 6, 11, 20):
        incidents = (pods_counter(NOW + 1),) if second >= told_at else ()
        assessment, history = judge(pod(APP, statuses=(died("app", 1),)), {}, history, now=NOW + second, incidents=incidents)
        told += assessment.containers[0].new_kills
        due.append(assessment.reassess_at_seconds)

    assert [(kill.exit_code, kill.ended_container) for kill in told] == [(137, True)]
    assert told_at == 2 or due[0] == NOW + 11


@pytest.mark.parametrize(
    ("other", "told"),
    [
        pytest.param(died("side", 2), 0, id="two-that-were-killed-then"),
        pytest.param(died("side", 2, code=1), 1, id="the-other-ended-otherwise"),
        pytest.param(died("side", -100), 1, id="the-other-was-killed-long-before"),
    ],
)
def test_the_pods_counter_tells_of_a_container_when_exactly_one_was_killed_then(other: ContainerStatus, told: int) -> None:
    of = pod(APP, spec("side"), statuses=(died("app", 1), other))
    assessment, _ = judge(of, {}, now=NOW + 30, incidents=(pods_counter(NOW + 1),))

    assert sum(len(one.new_kills) for one in assessment.containers) == told


def one_kill(**more: Any) -> Incident:
    """What the container's counter tells of one."""
    victims = (Victim(pod_uid="uid-1", container_id=FIRST_RUN, ordinal=1),)
    return Incident(id="boot-1", time_seconds=NOW, evidence=Evidence.COUNTER, victims=victims, victim_count=1, **more)


def test_a_kill_that_turns_out_to_be_a_childs_moves_from_one_reason_to_the_other_and_is_never_in_both() -> None:
    told = one_kill(container_survived=False)
    rows = {"app": row(uses=memory(MI, 512 * MI), process_count=1)}
    first, history = judge(pod(APP), rows, incidents=(told,))
    later, _ = judge(pod(APP), rows, history, now=NOW + 10, incidents=(told,))

    assert (first.level, first.reasons) == (RiskLevel.HIGH, (RiskReason.OOM_KILLED_RECENTLY,))
    assert first.reassess_at_seconds == NOW + 10
    assert (later.level, later.reasons) == (RiskLevel.MEDIUM, (RiskReason.CHILD_PROCESS_KILLED,))
    assert later.containers[0].new_kills == ()


def test_a_kill_waits_for_its_outcome_and_is_in_no_reason_before() -> None:
    rows = {"app": row(uses=memory(MI, 512 * MI), process_count=1)}
    first, history = judge(pod(APP), rows, incidents=(one_kill(),))
    later, _ = judge(pod(APP), rows, history, now=NOW + 0.3, incidents=(one_kill(container_survived=True),))

    assert (first.reasons, first.containers[0].new_kills, first.containers[0].kills) == ((), (), ())
    assert later.reasons == (RiskReason.CHILD_PROCESS_KILLED,)
    assert [kill.ended_container for kill in later.containers[0].new_kills] == [False]


def test_an_end_by_a_kill_that_nothing_confirms_is_none() -> None:
    history = PodHistory()
    told: list[Kill] = []
    for second in (0, 5, 10, 40):
        assessment, history = judge(pod(APP, statuses=(died("app", 0),)), {}, history, now=NOW + second)
        told += assessment.containers[0].new_kills

    assert told == []


def test_victims_in_two_containers_of_a_pod_are_a_kill_each_and_each_has_its_cause() -> None:
    both = Incident(
        id="boot-1",
        time_seconds=NOW,
        evidence=Evidence.KERNEL_LOG,
        scope=OomScope.POD,
        victims=(
            Victim(pod_uid="uid-1", container_id=FIRST_RUN, pid=10, name="java"),
            Victim(pod_uid="uid-1", container_id=SECOND_RUN, pid=20, is_container_init=True),
            Victim(pod_uid="uid-of-another", container_id="f" * 64, pid=30),
        ),
        victim_count=3,
        container_survived=True,
    )
    of = pod(APP, spec("side", limit=64 * MI), statuses=(running(), running("side", SECOND_RUN)))
    assessment, history = judge(of, {}, incidents=(both,))
    again, _ = judge(of, {}, history, now=NOW + 60, incidents=(both,))

    app, side = assessment.containers
    assert [(kill.victim_pid, kill.processes, kill.ended_container) for kill in app.new_kills] == [(10, 1, False)]
    assert [(kill.victim_pid, kill.processes, kill.ended_container) for kill in side.new_kills] == [(20, 1, True)]
    assert [kill.cause and kill.cause.cause for kill in (*app.new_kills, *side.new_kills)] == [Cause.POD_LIMIT, Cause.POD_LIMIT]
    assert [one.new_kills for one in again.containers] == [(), ()]
