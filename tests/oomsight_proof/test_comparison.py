"""What was told against what happened."""

from __future__ import annotations

from typing import Any

from oomsight_api.incident import Evidence, Incident, OomScope, Trigger, Victim
from oomsight_proof.comparison import Expectation, Kill, compare, incomplete
from oomsight_proof.consumer import ToldKill

APP, SIDECAR, POD = "a" * 64, "b" * 64, "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
LOG = {Evidence.KERNEL_LOG, Evidence.BOTH}


def kill(pid: int, name: str = "app", container_id: str = APP) -> Kill:
    cgroup = f"/pod{POD}/{container_id}"
    expected = Expectation(OomScope.POD, f"/pod{POD}", POD, None, SIDECAR)
    return Kill(pid, name, container_id, POD, cgroup, expected, is_init=True)


def told(
    pid: int | None = None, name: str | None = None, container_id: str | None = APP, pod_uid: str | None = POD, **more: Any
) -> ToldKill:
    evidence = more.pop("evidence", Evidence.KERNEL_LOG)
    incident = Incident(id="boot-1", time_seconds=1.0, evidence=evidence, **more)
    return ToldKill(incident, Victim(pid=pid, name=name, container_id=container_id, pod_uid=pod_uid))


def test_a_kill_told_with_everything_is_right_in_every_field() -> None:
    incident = Incident(
        id="boot-1",
        time_seconds=1.0,
        evidence=Evidence.BOTH,
        scope=OomScope.POD,
        limit_cgroup=f"/pod{POD}",
        limit_pod_uid=POD,
        trigger=Trigger(container_id=SIDECAR),
    )
    victim = Victim(pid=10, name="app", container_id=APP, pod_uid=POD, is_container_init=True)
    verdict = compare([kill(10)], [ToldKill(incident, victim)], evidence=LOG)
    assert (verdict.found, verdict.lost, verdict.doubled, verdict.invented, verdict.wrong) == (1, 0, 0, 0, [])
    fields = ("pid", "name", "container", "pod", "init", "scope", "limit", "limit owner", "trigger", "evidence")
    assert incomplete(verdict, fields) == []


def test_a_kill_of_which_nothing_was_told_is_lost() -> None:
    verdict = compare([kill(10), kill(11)], [told(10)], evidence=LOG)
    assert (verdict.found, verdict.lost) == (1, 1)


def test_a_pid_told_twice_is_doubled() -> None:
    verdict = compare([kill(10)], [told(10), told(10)], evidence=LOG)
    assert (verdict.matched, verdict.doubled, verdict.invented) == (1, 1, 0)


def test_one_kill_more_than_the_container_had_is_doubled() -> None:
    verdict = compare([kill(10)], [told(10), told()], evidence=LOG)
    assert (verdict.matched, verdict.doubled) == (1, 1)


def test_a_pid_that_lives_is_invented_and_its_kill_lost() -> None:
    verdict = compare([kill(10)], [told(12)], evidence=LOG)
    assert (verdict.lost, verdict.invented) == (1, 1)


def test_a_kill_in_a_container_that_had_none_is_invented() -> None:
    verdict = compare([], [told()], evidence=LOG)
    assert (verdict.doubled, verdict.invented) == (0, 1)


def test_kills_without_pid_are_matched_by_container_and_then_by_pod() -> None:
    kills = [kill(10), kill(11, container_id=SIDECAR)]
    verdict = compare(kills, [told(container_id=None), told(container_id=SIDECAR)], evidence=LOG)
    assert (verdict.matched, verdict.right["container"], verdict.right["pod"]) == (2, 1, 2)


def test_a_name_decides_between_two_kills_of_a_container() -> None:
    verdict = compare([kill(10, "one"), kill(11, "two")], [told(name="two"), told(name="one")], evidence=LOG)
    assert (verdict.right["name"], verdict.wrong) == (2, [])


def test_a_field_that_is_told_wrongly_is_named() -> None:
    verdict = compare([kill(10)], [told(10, container_id=SIDECAR, scope=OomScope.NODE)], evidence=LOG)
    assert verdict.wrong == [
        f"pid 10 (app): container is told as {SIDECAR}, it was {APP}",
        "pid 10 (app): scope is told as node, it was pod",
    ]
    assert incomplete(verdict, ("container", "pid")) == ["container known of 0"]


def test_evidence_that_the_agent_cannot_have_had_is_wrong() -> None:
    verdict = compare([kill(10)], [told(10, evidence=Evidence.BOTH)], evidence={Evidence.COUNTER})
    assert verdict.wrong == ["pid 10 (app): evidence is told as both, expected counter"]


def test_what_is_told_as_nobodys_makes_up_for_missing_incidents_and_for_no_more() -> None:
    verdict = compare([kill(10), kill(11)], [told(10)], evidence=LOG, unattributed=5)
    assert (verdict.unattributed, verdict.found, verdict.lost) == (1, 2, 0)


def test_a_row_counts_what_happened_while_no_agent_ran() -> None:
    kills = [kill(10), kill(11), kill(12)]
    verdict = compare(kills, [told(10)], evidence=LOG, row_kills={APP: 2})
    assert (verdict.by_row, verdict.found, verdict.lost) == (1, 2, 1)
