"""What a pod as a whole asks for, as scheduler, LimitRanger and quotas count it.

Source: component-helpers resource/helpers.go, AggregateContainerRequests, PodRequests and PodLimits (KEP-753, KEP-2837): sidecars
run beside everything that starts after them, init containers one after the other before the apps, ephemeral containers ask for
nothing; the pod's own resources, where set, stand for all of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from oomsight_operator.judgement.model import ContainerKind, ContainerSpec, Pod


def aggregate(containers: Iterable[ContainerSpec], amount: Callable[[ContainerSpec], int]) -> int:
    """The most that a pod's containers have of something at one time. `containers` in the order of the spec, init first."""
    running = sidecars = greatest_init = 0
    for container in containers:
        if container.kind is ContainerKind.APP:
            running += amount(container)
        elif container.kind is ContainerKind.SIDECAR:
            sidecars += amount(container)
            greatest_init = max(greatest_init, sidecars)
        elif container.kind is ContainerKind.INIT:
            greatest_init = max(greatest_init, sidecars + amount(container))
    return max(running + sidecars, greatest_init)


def request_of(container: ContainerSpec) -> int:
    """The stored request in bytes: the API server has copied a limit without a request into it."""
    request = container.memory_request_bytes
    return (request if request is not None else container.memory_limit_bytes) or 0


def limit_of(container: ContainerSpec) -> int:
    """In bytes; 0 for none, as quotas count it."""
    return container.memory_limit_bytes or 0


def pod_request(pod: Pod) -> int:
    """Bytes, without what the runtime class takes for itself."""
    return pod.pod_memory_request_bytes if pod.pod_memory_request_bytes is not None else aggregate(pod.containers, request_of)


def pod_limit(pod: Pod) -> int:
    """Bytes, without what the runtime class takes for itself; 0 for none."""
    return pod.pod_memory_limit_bytes if pod.pod_memory_limit_bytes is not None else aggregate(pod.containers, limit_of)


def charged_request(pod: Pod) -> int:
    """What a quota counts: with the runtime class's overhead."""
    return pod_request(pod) + (pod.overhead_bytes or 0)


def charged_limit(pod: Pod) -> int:
    """What a quota counts: with the runtime class's overhead where there is a limit at all."""
    limit = pod_limit(pod)
    return limit + (pod.overhead_bytes or 0) if limit else 0
