"""A pod's status as a kubelet would write it, from the states of its containers."""

from __future__ import annotations

from typing import Any

import pytest

from oomsight_sandbox.kubelet.status import (
    ContainerState,
    Ended,
    back_off_seconds,
    container_status,
    end_reason,
    must_restart,
    phase,
    pod_status,
)

ID = "ab" * 32
RUNNING = ContainerState("app", container_id=ID, running_since_seconds=100.0)
WAITING = ContainerState("app")
OOM = Ended(ID, 137, "OOMKilled", 100.0, 110.0)
DONE = Ended(ID, 0, "Completed", 100.0, 110.0)
ALWAYS: dict[str, Any] = {"containers": [{"name": "app"}]}


def status(*states: ContainerState, spec: dict[str, Any] | None = None, now: float = 200.0, previous: Any = None) -> dict[str, Any]:
    return pod_status(
        spec or ALWAYS,
        states,
        now_seconds=now,
        start_seconds=90.0,
        pod_ip="127.0.0.1",
        host_ip="127.0.0.1",
        previous=previous or {},
    )


@pytest.mark.parametrize(
    ("exit_code", "kills", "reason"),
    [(0, 0, "Completed"), (1, 0, "Error"), (137, 0, "Error"), (137, 1, "OOMKilled"), (0, 2, "OOMKilled")],
)
def test_an_oom_kill_sticks_to_the_container_whatever_its_exit_code(exit_code: int, kills: int, reason: str) -> None:
    assert end_reason(exit_code, kills) == reason


@pytest.mark.parametrize(
    ("policy", "kind", "exit_code", "again"),
    [
        ("Always", "app", 0, True),
        ("OnFailure", "app", 0, False),
        ("OnFailure", "app", 1, True),
        ("Never", "app", 1, False),
        ("Always", "init", 0, False),
        ("Always", "init", 1, True),
        ("Never", "init", 1, False),
        ("Never", "sidecar", 0, True),
    ],
)
def test_restart_policy_decides_as_the_kubelets(policy: str, kind: Any, exit_code: int, again: bool) -> None:
    assert must_restart(policy, kind, exit_code) is again


def test_back_off_starts_after_the_first_restart_doubles_and_is_capped() -> None:
    assert [back_off_seconds(restart, 10, 300) for restart in (1, 2, 3, 4, 7, 5000)] == [0, 10, 20, 40, 300, 300]


def test_a_killed_container_that_runs_again_shows_the_kill_as_its_last_state() -> None:
    shown = container_status(ContainerState("app", restart_count=1, container_id=ID, running_since_seconds=111.0, last=OOM))
    assert shown["state"] == {"running": {"startedAt": "1970-01-01T00:01:51Z"}}
    assert shown["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert shown["lastState"]["terminated"]["exitCode"] == 137
    assert shown["restartCount"] == 1
    assert shown["containerID"] == f"containerd://{ID}"
    assert shown["ready"] is True


def test_a_container_in_back_off_waits_with_the_kubelets_reason() -> None:
    waiting = ContainerState("app", container_id=ID, last=OOM, waiting_reason="CrashLoopBackOff", waiting_message="back-off 2s")
    assert container_status(waiting)["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2s"}}


@pytest.mark.parametrize(
    ("spec", "states", "expected"),
    [
        (ALWAYS, [WAITING], "Pending"),
        (ALWAYS, [RUNNING], "Running"),
        (ALWAYS, [ContainerState("app", ended=OOM)], "Running"),
        (ALWAYS, [ContainerState("app", last=OOM, waiting_reason="CrashLoopBackOff")], "Running"),
        (ALWAYS, [ContainerState("i", "init", running_since_seconds=1.0), WAITING], "Pending"),
        (ALWAYS, [ContainerState("i", "init", ended=DONE), RUNNING], "Running"),
        ({"restartPolicy": "Never"}, [ContainerState("app", ended=OOM)], "Failed"),
        ({"restartPolicy": "Never"}, [ContainerState("app", ended=DONE)], "Succeeded"),
        ({"restartPolicy": "Never"}, [ContainerState("i", "init", ended=OOM), WAITING], "Failed"),
        ({"restartPolicy": "OnFailure"}, [ContainerState("app", ended=DONE)], "Succeeded"),
    ],
)
def test_phase_is_the_kubelets(spec: dict[str, Any], states: list[ContainerState], expected: str) -> None:
    assert phase(spec, states) == expected


def test_a_pod_is_ready_only_while_all_its_containers_run() -> None:
    def ready(*states: ContainerState) -> str:
        conditions = status(*states)["conditions"]
        return next(str(condition["status"]) for condition in conditions if condition["type"] == "Ready")

    other = ContainerState("other", container_id=ID, ended=OOM)
    assert ready(RUNNING) == "True"
    assert ready(RUNNING, other) == "False"


def test_a_condition_that_stays_keeps_its_transition_time() -> None:
    first = status(RUNNING, now=200.0)
    second = status(RUNNING, now=300.0, previous=first)
    assert second["conditions"] == first["conditions"]
    third = status(ContainerState("app", ended=OOM), now=400.0, previous=second)
    times = {condition["type"]: condition["lastTransitionTime"] for condition in third["conditions"]}
    assert times["Ready"] == "1970-01-01T00:06:40Z"
    assert times["PodScheduled"] == "1970-01-01T00:03:20Z"


def test_init_containers_and_sidecars_have_their_own_list() -> None:
    shown = status(
        ContainerState("migrate", "init", ended=DONE), ContainerState("proxy", "sidecar", running_since_seconds=1.0), RUNNING
    )
    assert [entry["name"] for entry in shown["initContainerStatuses"]] == ["migrate", "proxy"]
    assert [entry["name"] for entry in shown["containerStatuses"]] == ["app"]
    assert shown["initContainerStatuses"][0]["ready"] is True
