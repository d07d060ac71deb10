"""Where a pod stands in its life, as far as its status tells."""

from __future__ import annotations

from oomsight_operator.judgement.model import Pod

_ENDED = ("Succeeded", "Failed")


def has_started(pod: Pod) -> bool:
    """Whether any container ever ran; of a pod that waits for a node, an image or a volume there is nothing to say."""
    return pod.phase != "Pending" or any(
        status.state in ("running", "terminated") or status.last_terminated is not None for status in pod.statuses.values()
    )


def has_ended(pod: Pod) -> bool:
    """Whether none of its containers will run again: to the kubelet it is not active (filterOutInactivePods)."""
    return pod.phase in _ENDED
