"""ChildProcess: one process grew, died alone, and the container went on."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_operator.judgement.cause.build import (
    KI,
    MI,
    child_kill,
    context,
    held,
    incident,
    kill,
    sample,
    task,
    victim,
)

from oomsight_api.incident import Incident
from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.rules import judge_cause

FULL = held(anon=490 * MI, file=4 * MI, shmem=0, kernel=18 * MI)
TABLE = (task(17, "worker", 430 * MI), task(1, "sh", 2 * MI))


def told(**more: Any) -> Incident:
    """The worker held most of it."""
    return incident(victim(anon=420 * MI, is_container_init=False), tasks=more.pop("tasks", TABLE), **more)


def test_the_biggest_process_died_and_the_container_went_on() -> None:
    judged = judge_cause(child_kill(memory=FULL), context(incident=told(container_survived=True)))

    assert judged.cause is Cause.CHILD_PROCESS
    assert judged.sentence == (
        "process worker (pid 17) of container app was killed at the container's own limit 512Mi: 490Mi anonymous, 4Mi page cache,"
        " 18Mi kernel (kernel log); that one process held 420Mi, the most of all in it, and the container went on without it"
    )


def test_a_child_that_is_not_the_one_that_grew_has_the_containers_reasons() -> None:
    small = incident(victim(anon=10 * MI), tasks=(task(17, "worker", 12 * MI), task(18, "worker", 12 * MI)))
    second = told(tasks=(task(3, "db", 450 * MI), task(17, "worker", 430 * MI)))
    before = sample(480 * MI, slope=0.0)

    for incident_told in (small, second):
        judged = judge_cause(child_kill(memory=FULL, before=before), context(incident=incident_told))
        assert judged.cause is Cause.LIMIT_TOO_LOW


def test_a_container_that_ended_with_it_has_lost_no_child() -> None:
    init = incident(victim(anon=420 * MI, is_container_init=True), tasks=TABLE)
    died = told(container_survived=False)
    group = told(oom_group=True)

    assert judge_cause(kill(memory=FULL, victim_pid=17), context(incident=told())).cause is Cause.UNKNOWN
    for incident_told in (init, died, group):
        assert judge_cause(child_kill(memory=FULL), context(incident=incident_told)).cause is Cause.UNKNOWN


def test_a_counter_alone_does_not_tell_who_grew() -> None:
    judged = judge_cause(child_kill(victim_pid=None, victim_name=None, processes=3), context())

    assert judged.cause is Cause.UNKNOWN
    assert judged.sentence.startswith("3 child processes of container app were killed")


@pytest.mark.parametrize(
    ("pid", "name", "start"),
    [
        (17, None, "a child process (pid 17) of container app was killed"),
        (None, "worker", "process worker of container app was killed"),
        (None, None, "a child process of container app was killed"),
    ],
)
def test_what_is_known_of_the_victim_is_named(pid: int | None, name: str | None, start: str) -> None:
    assert judge_cause(child_kill(victim_pid=pid, victim_name=name), context()).sentence.startswith(start)


def test_a_process_of_another_container_of_the_same_incident_is_not_the_victim() -> None:
    other = incident(victim(17, run="f" * 64, anon=420 * MI), victim(30, "sh", anon=100 * KI), tasks=TABLE)

    assert judge_cause(child_kill(memory=FULL, victim_pid=30), context(incident=other)).cause is Cause.UNKNOWN
