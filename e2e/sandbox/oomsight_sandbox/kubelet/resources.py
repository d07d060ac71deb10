"""What a kubelet computes from a pod's spec: QoS class, the pod cgroup's limit, each container's oom_score_adj. Pure.

Written apart from the operator's judgement on purpose: the demo holds what the operator expects against what a kubelet sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oomsight_api.quantity import QuantityError, parse_bytes, parse_millicores

GUARANTEED_OOM_SCORE_ADJ = -997
SANDBOX_OOM_SCORE_ADJ = -998
BEST_EFFORT_OOM_SCORE_ADJ = 1000

Object = Mapping[str, Any]
"""A Kubernetes object, or a part of one, as JSON gives it."""


class ResourceError(ValueError):
    """A resource is no quantity; the message names the container, the field and what was found."""


def memory_bytes(container: Object, kind: str) -> int | None:
    """`resources.<kind>.memory` (kind: `limits` or `requests`) in bytes; None where it is not set. Raises ResourceError."""
    return _amount(container, kind, "memory")


def _amount(container: Object, kind: str, resource: str) -> int | None:
    """A missing request is the limit, as the API server's defaulting has it (SetDefaults_Pod)."""
    resources = container.get("resources") or {}
    value = (resources.get(kind) or {}).get(resource)
    if value is None and kind == "requests":
        value = (resources.get("limits") or {}).get(resource)
    if value is None:
        return None
    try:
        return parse_bytes(value) if resource == "memory" else parse_millicores(value)
    except QuantityError as error:
        raise ResourceError(f"container {container.get('name')}: resources.{kind}.{resource}: {error}") from error


def is_sidecar(init_container: Object) -> bool:
    """A restartable init container: started in its turn, and running beside the others from then on."""
    return init_container.get("restartPolicy") == "Always"


def all_containers(spec: Object) -> tuple[Object, ...]:
    """Init containers first, in the order in which they start."""
    return (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort. Source: pkg/apis/core/v1/helper/qos/qos.go, ComputePodQOS."""
    parts = [spec] if _has_resources(spec) else list(all_containers(spec))
    any_set = False
    guaranteed = bool(parts)
    for part in parts:
        for resource in ("cpu", "memory"):
            limit, request = _amount(part, "limits", resource), _amount(part, "requests", resource)
            any_set = any_set or bool(limit) or bool(request)
            guaranteed = guaranteed and bool(limit) and limit == request
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _has_resources(spec: Object) -> bool:
    """Pod-level resources (beta in Kubernetes 1.34)."""
    resources = spec.get("resources") or {}
    return bool(resources.get("limits") or resources.get("requests"))


def pod_limit_bytes(spec: Object) -> int | None:
    """Memory limit of the pod's cgroup; None unless every container has one. Source: kubelet/cm, ResourceConfigForPod.

    The containers run together with the sidecars; an init container runs with the sidecars before it, and the largest counts.
    """
    if (pod_level := memory_bytes(spec, "limits")) is not None:
        return pod_level
    limits = [memory_bytes(container, "limits") for container in all_containers(spec)]
    if not limits or any(limit is None for limit in limits):
        return None
    sidecars = 0
    greatest_init = 0
    for container in spec.get("initContainers") or ():
        limit = memory_bytes(container, "limits") or 0
        if is_sidecar(container):
            sidecars += limit
            greatest_init = max(greatest_init, sidecars)
        else:
            greatest_init = max(greatest_init, sidecars + limit)
    together = sidecars + sum(memory_bytes(container, "limits") or 0 for container in spec.get("containers") or ())
    return max(together, greatest_init)


def oom_score_adj(spec: Object, container: Object, memory_capacity_bytes: int) -> int:
    """What a kubelet writes for one container. Source: pkg/kubelet/qos/policy.go, GetContainerOOMScoreAdjust."""
    if spec.get("priorityClassName") == "system-node-critical":
        return GUARANTEED_OOM_SCORE_ADJ
    match qos_class(spec):
        case "Guaranteed":
            return GUARANTEED_OOM_SCORE_ADJ
        case "BestEffort":
            return BEST_EFFORT_OOM_SCORE_ADJ
    own = _burstable(memory_bytes(container, "requests") or 0, memory_capacity_bytes)
    if container in (spec.get("initContainers") or ()) and is_sidecar(container):
        requests = [memory_bytes(regular, "requests") or 0 for regular in spec.get("containers") or ()]
        own = min(own, _burstable(min(requests, default=0), memory_capacity_bytes))
    return own


def _burstable(request_bytes: int, memory_capacity_bytes: int) -> int:
    """Never below 3 (more killable than Guaranteed), never 1000 (less killable than BestEffort)."""
    adj = 1000 - 1000 * request_bytes // memory_capacity_bytes
    return min(max(adj, 1000 + GUARANTEED_OOM_SCORE_ADJ), BEST_EFFORT_OOM_SCORE_ADJ - 1)
