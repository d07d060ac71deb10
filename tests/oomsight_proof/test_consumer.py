"""What a consumer counts of the incidents that it was told."""

from __future__ import annotations

from oomsight_api.incident import Evidence, Incident, Victim
from oomsight_proof.consumer import Ours, kills_told

APP, POD = "a" * 64, "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
OURS = Ours("/proof", frozenset({APP}), frozenset({POD}), frozenset({10, 11}), since_seconds=100.0)


def incident(name: str, *victims: Victim, time_seconds: float = 200.0, evidence: Evidence = Evidence.KERNEL_LOG) -> Incident:
    return Incident(id=name, time_seconds=time_seconds, evidence=evidence, victims=victims, victim_count=len(victims))


def victim(pid: int | None = None, ordinal: int | None = None, container_id: str | None = APP) -> Victim:
    return Victim(container_id=container_id, pod_uid=POD if container_id else None, pid=pid, ordinal=ordinal)


def test_each_victim_of_an_incident_is_a_kill() -> None:
    kills = kills_told([incident("a", victim(10), victim(11))], OURS)
    assert [one.victim.pid for one in kills] == [10, 11]


def test_the_same_kill_of_a_counter_under_two_ids_is_one_and_the_telling_with_a_pid_is_kept() -> None:
    by_counter, by_log = incident("c", victim(ordinal=3), evidence=Evidence.COUNTER), incident("l", victim(10, ordinal=3))
    for order in ([by_counter, by_log], [by_log, by_counter]):
        (kill,) = kills_told(order, OURS)
        assert kill.incident.id == "l"
        assert kill.contradiction is None


def test_kills_of_other_ordinals_stay_apart() -> None:
    assert len(kills_told([incident("a", victim(ordinal=1)), incident("b", victim(ordinal=2))], OURS)) == 2


def test_two_pids_under_one_ordinal_contradict_each_other() -> None:
    (kill,) = kills_told([incident("a", victim(10, ordinal=1)), incident("b", victim(11, ordinal=1))], OURS)
    assert kill.contradiction == f"kill 1 of {APP[:12]} is told as pid 10 and as pid 11"


def test_victims_that_are_counted_and_not_listed_are_kills_too() -> None:
    told = Incident(id="a", time_seconds=200.0, evidence=Evidence.COUNTER, victims=(victim(10),), victim_count=3)
    assert len(kills_told([told], OURS)) == 3


def test_what_is_others_or_from_before_is_left_out() -> None:
    foreign = Victim(container_id="b" * 64, pod_uid="other", pid=10)
    strange_cgroup = Victim(cgroup="/proofed/x", pid=10)
    unknown_pid = Victim(pid=99)
    told = [incident("f", foreign, strange_cgroup, unknown_pid), incident("old", victim(10), time_seconds=99.0)]
    assert kills_told(told, OURS) == []


def test_a_pid_or_a_cgroup_alone_can_make_it_ours() -> None:
    told = [incident("p", Victim(pid=10)), incident("c", Victim(cgroup="/proof/system.slice/demo.service"))]
    assert len(kills_told(told, OURS)) == 2
