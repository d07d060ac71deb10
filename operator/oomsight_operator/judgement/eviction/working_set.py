"""What the kubelet would see a pod use: the working set of the pod's own cgroup, else the sum of its containers'.

The sum leaves out the pod's sandbox and what no container owns (a tmpfs volume whose writer has ended), so it is the second choice,
and said to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from oomsight_operator.judgement.model import Pod, Telemetry


class Source(StrEnum):
    """Where a pod's working set comes from."""

    POD = "pod"
    CONTAINERS = "containers"
    SOME_CONTAINERS = "some-containers"
    """Of a running container nothing is known: it is more than this."""


@dataclass(frozen=True, slots=True)
class PodUse:
    """A pod and its working set; None: nobody has statistics of it."""

    pod: Pod
    working_set_bytes: int | None
    source: Source | None = None


def pod_use(pod: Pod, telemetry: Telemetry | None) -> PodUse:
    """From what the agent tells of the pod."""
    if telemetry is None:
        return PodUse(pod, None)
    of_pod = telemetry.pod_row.memory.working_set_bytes if telemetry.pod_row is not None else None
    if of_pod is not None:
        return PodUse(pod, of_pod, Source.POD)
    told = [row.memory.working_set_bytes for row in telemetry.rows.values()]
    known = [size for size in told if size is not None]
    if not known:
        return PodUse(pod, None)
    running = sum(1 for status in pod.statuses.values() if status.state == "running")
    return PodUse(pod, sum(known), Source.CONTAINERS if len(known) >= max(running, len(told)) else Source.SOME_CONTAINERS)
