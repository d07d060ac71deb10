"""The demo's lines, from one state of a pod to the next."""

from __future__ import annotations

from typing import Any

from oomsight_sandbox.story import changes


def pod(state: dict[str, Any], restarts: int = 0, last: dict[str, Any] | None = None, annotations: Any = None) -> dict[str, Any]:
    status = {"name": "app", "restartCount": restarts, "state": state, "lastState": {"terminated": last} if last else {}}
    told = {f"oomsight.dev/{key}": value for key, value in (annotations or {}).items()}
    metadata = {"name": "checkout", "namespace": "shop", "annotations": told}
    return {"metadata": metadata, "status": {"containerStatuses": [status]}}


RUNNING = {"running": {"startedAt": "2026-03-01T10:00:00Z"}}
KILLED = {"containerID": "containerd://a", "reason": "OOMKilled", "exitCode": 137}


def texts(before: dict[str, Any] | None, after: dict[str, Any]) -> list[str]:
    return [text for text, _ in changes(before, after)]


def test_a_start_a_kill_and_a_restart_are_told() -> None:
    running, killed = pod(RUNNING), pod({"terminated": KILLED})
    assert texts(None, running) == ["pod shop/checkout: container app started"]
    assert texts(running, killed) == ["pod shop/checkout: container app OOMKilled (exit 137)"]
    assert texts(killed, pod(RUNNING, 1, KILLED)) == ["pod shop/checkout: container app started, restart 1"]


def test_a_kill_that_was_only_seen_as_the_last_state_is_told_once() -> None:
    again = pod(RUNNING, 1, KILLED)
    back_off = pod({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2s"}}, 1, KILLED)
    assert texts(pod(RUNNING), back_off) == [
        "pod shop/checkout: container app OOMKilled (exit 137)",
        "pod shop/checkout: container app CrashLoopBackOff: back-off 2s",
    ]
    assert texts(back_off, again) == ["pod shop/checkout: container app started, restart 1"]


def test_what_the_operator_wrote_is_told_when_it_changes() -> None:
    before = pod(RUNNING, annotations={"oom-risk": "low"})
    annotations = {"oom-risk": "high", "oom-risk-reasons": "NearLimit", "recommended-limit": "app=96Mi"}
    after = pod(RUNNING, annotations=annotations)
    assert texts(before, after) == [
        "pod shop/checkout: oom-risk low -> high (NearLimit)",
        "pod shop/checkout: recommended-limit app=96Mi",
    ]
    assert texts(after, after) == []
