from __future__ import annotations

from dataclasses import replace

from oomsight_api.incident import Evidence, Incident, KernelLog, Victim
from oomsight_api.report import Container
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.model import ContainerSpec, ContainerStatus, LastRow, Pod, Termination
from oomsight_operator.polling.incidents import NodeIncidents
from oomsight_operator.polling.join import join
from oomsight_operator.polling.telemetry import NodeTelemetry

C1, C2 = "1" * 64, "2" * 64


def status(name: str, container_id: str | None) -> ContainerStatus:
    return ContainerStatus(name=name, container_id=container_id, restart_count=0, state="running")


POD = Pod(
    uid="u1",
    namespace="shop",
    name="web",
    node_name="node-a",
    phase="Running",
    containers=(ContainerSpec("app"), ContainerSpec("side")),
    statuses={"app": status("app", C1), "side": status("side", C2)},
)


def node(*rows: Container, pods: tuple[PodRow, ...] = (), incidents: tuple[Incident, ...] = ()) -> NodeTelemetry:
    kept = NodeIncidents()
    kept.take(incidents)
    return NodeTelemetry(
        "node-a",
        "i1",
        0.0,
        time_seconds=7.0,
        interval_seconds=1.0,
        containers={row.container_id: row for row in rows},
        pods={row.pod_uid: row for row in pods},
        incidents=kept,
        since_seconds=5.0,
        kernel_log=KernelLog(following=True),
    )


def oom(incident_id: str, pod_uid: str, container_id: str, at: float = 1.0) -> Incident:
    victim = Victim(pod_uid=pod_uid, container_id=container_id)
    return Incident(id=incident_id, time_seconds=at, evidence=Evidence.COUNTER, victims=(victim,), victim_count=1)


def row(container_id: str, pod_uid: str = "u1") -> Container:
    return Container(pod_uid=pod_uid, container_id=container_id, cgroup="/c")


def test_rows_are_joined_by_container_id_and_the_pods_own_row_by_uid() -> None:
    pod_row = PodRow(pod_uid="u1", cgroup="/p")
    telemetry = join(POD, node(row(C1), row(C2), pods=(pod_row,)))
    assert telemetry is not None
    assert {name: each.container_id for name, each in telemetry.rows.items()} == {"app": C1, "side": C2}
    assert telemetry.pod_row == pod_row
    assert telemetry.report_time_seconds == 7.0


def test_a_silent_agent_is_none() -> None:
    assert join(POD, None) is None


def test_telemetry_of_another_node_is_none() -> None:
    assert join(replace(POD, node_name="node-b"), node(row(C1))) is None


def test_a_container_id_in_another_pods_cgroup_is_not_believed() -> None:
    telemetry = join(POD, node(row(C1, pod_uid="u2"), row(C2)))
    assert telemetry is not None
    assert set(telemetry.rows) == {"side"}


def test_two_containers_with_one_id_share_no_row() -> None:
    twice = replace(POD, statuses={"app": status("app", C1), "side": status("side", C1)})
    telemetry = join(twice, node(row(C1)))
    assert telemetry is not None
    assert set(telemetry.rows) == {"app"}


def test_a_container_that_has_not_started_is_left_out() -> None:
    telemetry = join(replace(POD, statuses={"app": status("app", None)}), node(row(C1)))
    assert telemetry is not None
    assert telemetry.rows == {}


def test_a_static_pod_is_found_by_its_config_hash() -> None:
    config_hash = "f" * 32
    static = replace(POD, config_hash=config_hash)
    pod_row = PodRow(pod_uid=config_hash, cgroup="/p")
    telemetry = join(static, node(row(C1, pod_uid=config_hash), pods=(pod_row,)))
    assert telemetry is not None
    assert set(telemetry.rows) == {"app"}
    assert telemetry.pod_row == pod_row


def test_a_pod_that_only_claims_a_config_hash_learns_nothing_of_the_static_pod() -> None:
    config_hash = "f" * 32
    impostor = replace(POD, config_hash=config_hash)
    telemetry = join(impostor, node(row("9" * 64, pod_uid=config_hash), pods=(PodRow(pod_uid=config_hash, cgroup="/p"),)))
    assert telemetry is not None
    assert telemetry.rows == {}
    assert telemetry.pod_row is None


def test_a_pods_incidents_come_oldest_first_also_when_its_rows_are_gone() -> None:
    told = (oom("b", "u1", C1, at=2.0), oom("a", "u1", "9" * 64), oom("c", "u2", C2))
    telemetry = join(POD, node(incidents=told))
    assert telemetry is not None
    assert [incident.id for incident in telemetry.incidents] == ["a", "b"]
    assert (telemetry.heard_since_seconds, telemetry.kernel_log_following) == (5.0, True)


def test_a_static_pods_incidents_need_a_container_that_its_status_knows() -> None:
    config_hash = "f" * 32
    static = replace(POD, config_hash=config_hash)
    own, foreign = (
        join(static, node(incidents=(oom("a", config_hash, C1),))),
        join(static, node(incidents=(oom("a", config_hash, "9" * 64),))),
    )
    assert own is not None
    assert foreign is not None
    assert ([incident.id for incident in own.incidents], foreign.incidents) == (["a"], ())


def test_a_run_that_is_over_is_found_by_the_end_that_the_status_tells() -> None:
    """Of a short init container the row is gone before the kubelet told whose it was."""
    telling = node(row(C2))
    telling.ended = {C1: LastRow(5.0, row(C1)), "3" * 64: LastRow(6.0, row("3" * 64)), "4" * 64: LastRow(6.0, row("4" * 64, "u2"))}
    ended = replace(status("setup", C1), state="terminated", terminated=Termination(C1, "Completed", 0))
    again = replace(status("app", C2), last_terminated=Termination("3" * 64, "OOMKilled", 137))
    stranger = replace(status("side", None), last_terminated=Termination("4" * 64, "Error", 1))
    found = join(replace(POD, statuses={"setup": ended, "app": again, "side": stranger}), telling)

    assert found is not None
    assert found.rows.keys() == {"app"}
    assert {name: [each.time_seconds for each in last] for name, last in found.ended.items()} == {"setup": [5.0], "app": [6.0]}
