"""What a recommendation makes of the pod, other containers as they are: its QoS class, and the container's oom_score_adj."""

from __future__ import annotations

from dataclasses import replace

from oomsight_operator.judgement.model import ContainerSpec, Pod, Recommendation, Shape
from oomsight_operator.judgement.oom_score_adj import expected_oom_score_adj
from oomsight_operator.judgement.qos import compute_qos_class, qos_class


def with_shape(found: Recommendation | None, pod: Pod, spec: ContainerSpec, node_total_bytes: int | None) -> Recommendation | None:
    """The recommendation with what becomes of the pod if it is followed; the node is the one that it is on now."""
    if found is None:
        return None
    wanted = replace(
        spec,
        memory_limit_bytes=found.limit_bytes if found.limit_bytes is not None else spec.memory_limit_bytes,
        memory_request_bytes=found.request_bytes if found.request_bytes is not None else spec.memory_request_bytes,
    )
    others = tuple(wanted if each.name == spec.name else each for each in pod.containers)
    after = replace(pod, containers=others, status_qos_class=None)
    return replace(
        found,
        shape=Shape(
            qos_class_before=qos_class(pod),
            qos_class_after=compute_qos_class(after),
            oom_score_adj_before=expected_oom_score_adj(pod, spec, node_total_bytes),
            oom_score_adj_after=expected_oom_score_adj(after, wanted, node_total_bytes),
        ),
    )
