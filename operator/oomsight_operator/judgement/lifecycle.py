"""Where a pod stands in its life, as far as its status tells."""

from __future__ import annotations

from oomsight_operator.judgement.model import Pod, Telemetry

_ENDED = ("Succeeded", "Failed")


def has_started(pod: Pod) -> bool:
    """Whether any container ever ran; of a pod that waits for a node, an image or a volume there is nothing to say."""
    return pod.phase != "Pending" or any(
        status.state in ("running", "terminated") or status.last_terminated is not None for status in pod.statuses.values()
    )


def has_ended(pod: Pod) -> bool:
    """Whether none of its containers will run again: to the kubelet it is not active (filterOutInactivePods)."""
    return pod.phase in _ENDED


def is_initializing(pod: Pod) -> bool:
    """Whether its init containers are at work, and none has failed."""
    return pod.phase == "Pending" and not has_failed(pod)


def has_failed(pod: Pod) -> bool:
    """Whether a container ended otherwise than well; an init container that is done says nothing."""
    ends = [end for status in pod.statuses.values() for end in (status.terminated, status.last_terminated) if end is not None]
    return any(end.exit_code != 0 or end.reason != "Completed" for end in ends)


def is_measured(pod: Pod, telemetry: Telemetry) -> bool:
    """Whether the pod is past its init containers, and every container that runs has its row."""
    running = [name for name, status in pod.statuses.items() if status.state == "running"]
    return pod.phase == "Running" and bool(running) and all(name in telemetry.rows for name in running)
