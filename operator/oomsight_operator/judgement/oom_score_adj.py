"""The oom_score_adj that the kubelet gives a container, and where the live one differs.

Source: Kubernetes pkg/kubelet/qos/policy.go, GetContainerOOMScoreAdjust (1.34). Integers as Go divides them.

- `system-node-critical` pods (by class name, and static or of a critical priority) and Guaranteed pods: -997; BestEffort: 1000.
  A static pod without that class is judged like any other.
- Burstable: `1000 - 1000 * request / MemTotal`, at least 3, and 999 instead of 1000.
- With pod-level requests, what the containers did not ask for is shared out equally over containers and init containers.
- A sidecar never gets more than the app container with the smallest request.

Not told: the alpha gate KubeletOOMScoreAdjTieBreak shifts Burstable values by a few points; no API says whether it is on.
"""

from __future__ import annotations

from oomsight_api.names import QosClass
from oomsight_operator.judgement.model import ContainerKind, ContainerSpec, Pod
from oomsight_operator.judgement.pod_amounts import aggregate, pod_request, request_of
from oomsight_operator.judgement.qos import qos_class

GUARANTEED_ADJ = -997
BEST_EFFORT_ADJ = 1000
LEAST_BURSTABLE_ADJ = 1000 + GUARANTEED_ADJ
SYSTEM_CRITICAL_PRIORITY = 2_000_000_000
SYSTEM_NODE_CRITICAL = "system-node-critical"


def expected_oom_score_adj(pod: Pod, container: ContainerSpec, node_total_bytes: int | None) -> int | None:
    """What the kubelet would set for the container's processes; None when it depends on the node's memory and that is unknown."""
    if is_node_critical(pod):
        return GUARANTEED_ADJ
    pod_class = qos_class(pod)
    if pod_class is QosClass.GUARANTEED:
        return GUARANTEED_ADJ
    if pod_class is QosClass.BEST_EFFORT:
        return BEST_EFFORT_ADJ
    if node_total_bytes is None or node_total_bytes <= 0:
        return None
    share = _unallocated_share(pod)
    adj = _linear(request_of(container) + share, node_total_bytes)
    if container.kind is ContainerKind.SIDECAR:
        app_requests = [request_of(other) for other in pod.containers if other.kind is ContainerKind.APP]
        if app_requests:
            adj = min(adj, _linear(min(app_requests) + share, node_total_bytes))
    adj = max(adj, LEAST_BURSTABLE_ADJ)
    return BEST_EFFORT_ADJ - 1 if adj == BEST_EFFORT_ADJ else adj


def is_critical(pod: Pod) -> bool:
    """pkg/kubelet/types IsCriticalPod: static, or of a system priority. The kubelet never evicts it."""
    return pod.config_hash is not None or (pod.priority is not None and pod.priority >= SYSTEM_CRITICAL_PRIORITY)


def is_node_critical(pod: Pod) -> bool:
    """pkg/kubelet/types IsNodeCriticalPod."""
    return is_critical(pod) and pod.priority_class_name == SYSTEM_NODE_CRITICAL


def explain_difference(expected: int | None, live_min: int | None, live_max: int | None) -> str | None:
    """A sentence when live processes do not carry what the kubelet would set; None when they do, or when either is unknown.

    Why they differ is in no file: what can make such a difference is named, the likeliest first.
    """
    if expected is None or live_min is None or live_max is None or live_min == expected == live_max:
        return None
    live = f"{live_min}" if live_min == live_max else f"{live_min} to {live_max}"
    reasons = _reasons(expected, live_min, live_max)
    introduction = "possible reasons, likeliest first: " if len(reasons) > 1 else ""
    return f"oom_score_adj live {live}, kubelet would set {expected}; {introduction}{', or '.join(reasons)}"


def _reasons(expected: int, live_min: int, live_max: int) -> tuple[str, ...]:
    """What can make a difference of this sign.

    An in-place resize changes neither a pod's QoS class nor running processes, so it makes a difference within the values of
    Burstable alone. Any process may raise its value; to lower one takes CAP_SYS_RESOURCE (fs/proc/base.c, __set_oom_adj). Without
    it a runtime stops at its own value: containerd with `restrict_oom_score_adj`, runc in a user namespace.
    """
    if live_min <= expected <= live_max:
        return ("a process changed its own value, or that of its children",)
    resized = all(LEAST_BURSTABLE_ADJ <= value < BEST_EFFORT_ADJ for value in (expected, live_min, live_max))
    if live_min > expected:
        return (
            *(("its request was raised in place (a resize leaves running processes as they are)",) if resized else ()),
            "the runtime was not allowed to lower it so far (no CAP_SYS_RESOURCE, as on nested and rootless nodes)",
            "the process raised it itself",
        )
    return (
        *(("its request was lowered in place (a resize leaves running processes as they are)",) if resized else ()),
        *(("a kubelet up to 1.20, which gave it to every critical pod",) if live_max == GUARANTEED_ADJ else ()),
        "the runtime, or the process with CAP_SYS_RESOURCE, lowered it",
    )


def _linear(request_bytes: int, node_total_bytes: int) -> int:
    return 1000 - 1000 * request_bytes // node_total_bytes


def _unallocated_share(pod: Pod) -> int:
    """remainingPodMemReqPerContainer: what the pod asks for beyond its containers' sum, for each container and init container."""
    if not pod.pod_memory_request_bytes:
        return 0
    counted = sum(1 for container in pod.containers if container.kind is not ContainerKind.EPHEMERAL)
    # Go divides towards zero; the API refuses a pod-level request below the containers' sum.
    return max(0, pod.pod_memory_request_bytes - aggregate_request(pod)) // counted if counted else 0


def effective_request(pod: Pod) -> int:
    """What the pod asks for: at pod level, else its containers' aggregate."""
    return pod_request(pod)


def aggregate_request(pod: Pod) -> int:
    """What the pod's containers ask for together."""
    return aggregate(pod.containers, request_of)
