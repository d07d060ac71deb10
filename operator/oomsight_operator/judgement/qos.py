"""A pod's QoS class, as the kubelet computes it.

Source: Kubernetes pkg/apis/core/v1/helper/qos, GetPodQOS and ComputePodQOS (1.34). Only CPU and memory count, zero quantities
count as unset, init containers and sidecars count like others, ephemeral containers never (they cannot ask for resources).
Pod-level resources, where set, decide alone. A limit without a request stands for the request too: the API server stores it so.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import QosClass
from oomsight_operator.judgement.model import ContainerKind, Pod

_CLASSES: Final = {qos_class.value: qos_class for qos_class in QosClass}


def qos_class(pod: Pod) -> QosClass:
    """The class in force: the one that the API recorded at creation (resources may be resized, the class cannot), else computed."""
    recorded = _CLASSES.get(pod.status_qos_class or "")
    return recorded if recorded is not None else compute_qos_class(pod)


def compute_qos_class(pod: Pod) -> QosClass:
    """The class that the pod's spec gives."""
    pod_level = (
        pod.pod_cpu_request_millicores,
        pod.pod_cpu_limit_millicores,
        pod.pod_memory_request_bytes,
        pod.pod_memory_limit_bytes,
    )
    if any(quantity is not None for quantity in pod_level):
        return _class_of(*pod_level)
    classes = {
        _class_of(
            container.cpu_request_millicores,
            container.cpu_limit_millicores,
            container.memory_request_bytes,
            container.memory_limit_bytes,
        )
        for container in pod.containers
        if container.kind is not ContainerKind.EPHEMERAL
    }
    if len(classes) > 1:
        return QosClass.BURSTABLE
    return classes.pop() if classes else QosClass.BEST_EFFORT


def _class_of(cpu_request: int | None, cpu_limit: int | None, memory_request: int | None, memory_limit: int | None) -> QosClass:
    """The class that one set of resources would give alone."""
    cpu = (cpu_request if cpu_request is not None else cpu_limit) or 0
    memory = (memory_request if memory_request is not None else memory_limit) or 0
    if not any((cpu, cpu_limit, memory, memory_limit)):
        return QosClass.BEST_EFFORT
    if cpu and memory and cpu == cpu_limit and memory == memory_limit:
        return QosClass.GUARANTEED
    return QosClass.BURSTABLE
