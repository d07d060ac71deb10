"""What the recommendations for a pod's containers come to together: its QoS class, each oom_score_adj, what would refuse it.

They are meant to be followed together, so all of them are in what becomes of the pod. Where something stands in the way, the number
stays, since the need does not depend on it, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from oomsight_api.names import QosClass
from oomsight_api.policy import TargetQos
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import ContainerKind, ContainerSpec, Pod, Recommendation, RecommendationStep, Shape
from oomsight_operator.judgement.oom_score_adj import expected_oom_score_adj
from oomsight_operator.judgement.pod_amounts import aggregate, request_of
from oomsight_operator.judgement.qos import compute_qos_class, qos_class
from oomsight_operator.judgement.recommend.quota import LIMITS, REQUESTS, Change, demands, shortages
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.judgement.words import printable

QUOTA: Final = "Quota"
POD_RESOURCES: Final = "PodResources"
GUARANTEED: Final = "Guaranteed"
RESERVED: Final = "Reserved"
"""Rule of the step that says that an init container's request is reserved long after its run."""
REFUSED: Final = frozenset({QUOTA, POD_RESOURCES})
"""Rules of steps that say what would refuse new pods, or hold them up."""


def together(
    found: Mapping[str, Recommendation],
    pod: Pod,
    after: Pod,
    around: Surroundings,
    target: TargetQos,
    node_total_bytes: int | None,
) -> dict[str, Recommendation]:
    """The recommendations by container name, each with what becomes of the pod if all are followed, which is `after`; the node is
    the one that it is on now."""
    if not found:
        return {}
    change = Change(pod, after, around.rollout)
    limit_notes = _notes(
        (QUOTA, shortages(around.quotas, change, LIMITS)),
        (QUOTA, demands(around.quotas, change)),
    )
    request_notes = _notes((QUOTA, shortages(around.quotas, change, REQUESTS)), (POD_RESOURCES, _above_pod_request(after)))
    class_notes = _notes((GUARANTEED, _not_guaranteed(after))) if target is TargetQos.GUARANTEED else ()
    class_before, class_after = qos_class(pod), compute_qos_class(after)
    told: dict[str, Recommendation] = {}
    specs_after = {spec.name: spec for spec in after.containers}
    for spec in pod.containers:
        if spec.name not in found:
            continue
        one, wanted = found[spec.name], specs_after[spec.name]
        rises = (wanted.memory_limit_bytes or 0) > (spec.memory_limit_bytes or 0)
        asks_more = request_of(wanted) > request_of(spec)
        own = _notes((POD_RESOURCES, _above_pod_limit(wanted, after)))
        reserved = _notes((RESERVED, _reserved(spec, after)))
        told[spec.name] = replace(
            one,
            limit_steps=_with(one.limit_steps, (*own, *(limit_notes if rises else ()))),
            request_steps=_with(one.request_steps, (*class_notes, *((*reserved, *request_notes) if asks_more else ()))),
            shape=Shape(
                qos_class_before=class_before,
                qos_class_after=class_after,
                oom_score_adj_before=expected_oom_score_adj(pod, spec, node_total_bytes),
                oom_score_adj_after=expected_oom_score_adj(after, wanted, node_total_bytes),
            ),
        )
    return told


def followed(pod: Pod, found: Recommendation) -> Pod:
    """The pod as the next one of its workload would be, with the recommendation for one of its containers."""
    containers = tuple(_wanted(spec, found) if spec.name == found.container_name else spec for spec in pod.containers)
    return replace(pod, containers=containers, status_qos_class=None)


def _wanted(spec: ContainerSpec, found: Recommendation) -> ContainerSpec:
    return replace(
        spec,
        memory_limit_bytes=found.limit_bytes if found.limit_bytes is not None else spec.memory_limit_bytes,
        memory_request_bytes=found.request_bytes if found.request_bytes is not None else spec.memory_request_bytes,
    )


def _notes(*told: tuple[str, Iterable[str]]) -> tuple[tuple[str, str], ...]:
    """Rule and sentence of each."""
    return tuple((rule, sentence) for rule, sentences in told for sentence in sentences)


def _with(steps: tuple[RecommendationStep, ...], notes: Iterable[tuple[str, str]]) -> tuple[RecommendationStep, ...]:
    """Steps that change no number; none where nothing is recommended."""
    if not steps:
        return steps
    amount = steps[-1].after_bytes
    return (*steps, *(RecommendationStep(rule, amount, amount, why) for rule, why in notes))


def _above_pod_limit(spec: ContainerSpec, after: Pod) -> Iterator[str]:
    most = after.pod_memory_limit_bytes
    if most is not None and (spec.memory_limit_bytes or 0) > most:
        yield f"more than the pod's own limit {human_bytes(most)} (spec.resources): raise that as well, or the pod is refused"


def _above_pod_request(after: Pod) -> Iterator[str]:
    most, asked = after.pod_memory_request_bytes, aggregate(after.containers, request_of)
    if most is not None and asked > most:
        yield (
            f"the pod's containers ask for {human_bytes(asked)} together, more than the pod's own request {human_bytes(most)}"
            " (spec.resources): raise that as well, or the pod is refused"
        )


def _reserved(spec: ContainerSpec, after: Pod) -> Iterator[str]:
    """The scheduler counts the most that a pod asks for at any one time, for as long as it lives."""
    if spec.kind is not ContainerKind.INIT or after.pod_memory_request_bytes is not None:
        return
    asked = aggregate(after.containers, request_of)
    without = aggregate((spec if each.name == spec.name else each for each in after.containers), request_of)
    if asked > without:
        yield (
            f"an init container's request is reserved for as long as the pod lives: {human_bytes(asked)} in all, where"
            f" {human_bytes(without)} would do with today's"
        )


def _not_guaranteed(after: Pod) -> Iterator[str]:
    """What keeps the pod from the class that the policy wants: the kubelet looks at every container, and at CPU too."""
    if compute_qos_class(after) is QosClass.GUARANTEED:
        return
    if after.pod_memory_limit_bytes is not None or after.pod_memory_request_bytes is not None:
        yield "the pod's own resources (spec.resources) alone decide its QoS class: set request equal to limit there"
        return
    counted = [spec for spec in after.containers if spec.kind is not ContainerKind.EPHEMERAL]
    lacking = (
        ("cpu", [spec.name for spec in counted if not _equal(spec.cpu_request_millicores, spec.cpu_limit_millicores)]),
        ("memory", [spec.name for spec in counted if not _equal(spec.memory_request_bytes, spec.memory_limit_bytes)]),
    )
    words = " and ".join(f"{resource} of {', '.join(map(printable, names))}" for resource, names in lacking if names)
    yield f"Guaranteed only when request equals limit in every container, which is still to be set for {words}"


def _equal(request: int | None, limit: int | None) -> bool:
    """A limit without a request stands for both."""
    return bool(limit) and request in (None, limit)
