"""A pod's status from the states of its containers, as a kubelet would write it. Pure: time comes in as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from oomsight_sandbox.kubelet.resources import Object, qos_class

ContainerKind = Literal["init", "sidecar", "app"]


@dataclass(frozen=True, slots=True)
class Ended:
    """One end of a container's run. Times are Unix seconds; `reason` is `Completed`, `Error`, `OOMKilled` or `StartError`."""

    container_id: str
    exit_code: int
    reason: str
    started_seconds: float
    finished_seconds: float
    message: str | None = None


@dataclass(frozen=True, slots=True)
class ContainerState:
    """Where one container stands: running (`running_since_seconds`), ended (`ended`), else waiting."""

    name: str
    kind: ContainerKind = "app"
    image: str = ""
    restart_count: int = 0
    container_id: str | None = None
    running_since_seconds: float | None = None
    ended: Ended | None = None
    last: Ended | None = None
    waiting_reason: str = "ContainerCreating"
    waiting_message: str | None = None

    @property
    def running(self) -> bool:
        return self.running_since_seconds is not None

    @property
    def succeeded(self) -> bool:
        return self.ended is not None and self.ended.exit_code == 0


def end_reason(exit_code: int, oom_kills: int) -> str:
    """A runtime's reason for an end: an OOM kill in the container's cgroup during its life sticks, whatever the exit code says."""
    if oom_kills > 0:
        return "OOMKilled"
    return "Completed" if exit_code == 0 else "Error"


def must_restart(policy: str, kind: ContainerKind, exit_code: int) -> bool:
    """Whether a container that ended is started again. A sidecar always is; an init container that succeeded never is."""
    if kind == "sidecar":
        return True
    if kind == "init":
        return exit_code != 0 and policy != "Never"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def back_off_seconds(restart: int, base_seconds: float, cap_seconds: float) -> float:
    """Wait before the given restart (1 is the first, which a kubelet does at once): base, twice that, and so on up to the cap."""
    if restart <= 1:
        return 0.0
    return min(cap_seconds, base_seconds * 2.0 ** min(restart - 2, 60))


def timestamp(seconds: float) -> str:
    """A time as the API writes it: RFC 3339 in whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def phase(spec: Object, containers: Sequence[ContainerState]) -> str:
    """Pending, Running, Succeeded or Failed. Source: pkg/kubelet/kubelet_pods.go, getPhase."""
    policy = spec.get("restartPolicy") or "Always"
    if unfinished := [state for state in containers if state.kind == "init" and not state.succeeded]:
        return "Failed" if policy == "Never" and any(state.ended for state in unfinished) else "Pending"
    apps = [state for state in containers if state.kind == "app"]
    if any(state.running for state in apps):
        return "Pending" if any(_never_started(state) for state in apps) else "Running"
    if not apps or any(_never_started(state) for state in apps):
        return "Pending"
    if policy != "Always" and all(state.succeeded for state in apps):
        return "Succeeded"
    return "Failed" if policy == "Never" and all(state.ended for state in apps) else "Running"


def _never_started(state: ContainerState) -> bool:
    return not state.running and state.ended is None and state.last is None


def pod_status(
    spec: Object,
    containers: Sequence[ContainerState],
    *,
    now_seconds: float,
    start_seconds: float,
    pod_ip: str,
    host_ip: str,
    previous: Object,
) -> dict[str, Any]:
    """The whole status. `previous` is the status as it was: a condition that stays keeps its transition time."""
    pod_phase = phase(spec, containers)
    initialized = all(state.succeeded for state in containers if state.kind == "init")
    ready = pod_phase == "Running" and all(state.running for state in containers if state.kind != "init")
    conditions = {"PodScheduled": True, "Initialized": initialized, "ContainersReady": ready, "Ready": ready}
    status: dict[str, Any] = {
        "phase": pod_phase,
        "qosClass": qos_class(spec),
        "hostIP": host_ip,
        "podIP": pod_ip,
        "podIPs": [{"ip": pod_ip}],
        "startTime": timestamp(start_seconds),
        "conditions": _conditions(conditions, now_seconds, previous),
        "containerStatuses": [container_status(state) for state in containers if state.kind == "app"],
    }
    if inits := [container_status(state) for state in containers if state.kind != "app"]:
        status["initContainerStatuses"] = inits
    return status


def _conditions(wanted: Mapping[str, bool], now_seconds: float, previous: Object) -> list[dict[str, Any]]:
    before = {condition.get("type"): condition for condition in previous.get("conditions") or ()}
    result = []
    for kind, holds in wanted.items():
        status = "True" if holds else "False"
        old = before.get(kind)
        since = old["lastTransitionTime"] if old and old.get("status") == status else timestamp(now_seconds)
        result.append({"type": kind, "status": status, "lastTransitionTime": since})
    return result


def container_status(state: ContainerState) -> dict[str, Any]:
    """One entry of containerStatuses."""
    status: dict[str, Any] = {
        "name": state.name,
        "image": state.image,
        "imageID": "",
        "restartCount": state.restart_count,
        "ready": state.succeeded if state.kind == "init" else state.running,
        "started": state.running,
        "state": _state(state),
        "lastState": {"terminated": _terminated(state.last)} if state.last else {},
    }
    if state.container_id:
        status["containerID"] = f"containerd://{state.container_id}"
    return status


def _state(state: ContainerState) -> dict[str, Any]:
    if state.running_since_seconds is not None:
        return {"running": {"startedAt": timestamp(state.running_since_seconds)}}
    if state.ended is not None:
        return {"terminated": _terminated(state.ended)}
    waiting = {"reason": state.waiting_reason}
    if state.waiting_message:
        waiting["message"] = state.waiting_message
    return {"waiting": waiting}


def _terminated(end: Ended) -> dict[str, Any]:
    terminated: dict[str, Any] = {
        "exitCode": end.exit_code,
        "reason": end.reason,
        "startedAt": timestamp(end.started_seconds),
        "finishedAt": timestamp(end.finished_seconds),
        "containerID": f"containerd://{end.container_id}",
    }
    if end.message:
        terminated["message"] = end.message
    return terminated
