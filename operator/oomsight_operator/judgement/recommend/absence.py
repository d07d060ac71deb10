"""Why no limit is recommended for a container that was killed: a reader who asks for one is told what stands in the way."""

from __future__ import annotations

from oomsight_api.incident import OomScope
from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationMode, RecommendationSpec, TargetQos
from oomsight_operator.judgement.recommend.context import Context, blamed, needed_kind
from oomsight_operator.judgement.recommend.pod_limit import killed_by_pod, reached
from oomsight_operator.judgement.recommend.state import State


def why_no_limit(state: State, context: Context, spec: RecommendationSpec) -> str:
    """A sentence without its full stop, for after a colon; for a container that `limit_chain` gave no limit."""
    if spec.mode is RecommendationMode.OFF:
        return "the policy recommends nothing (recommendation.mode Off)"
    if context.qos_class is QosClass.BEST_EFFORT and spec.target_qos is TargetQos.KEEP:
        return "the pod is BestEffort, and the policy keeps its QoS class (recommendation.targetQoS Keep)"
    if context.kills and not blamed(context.kills, context.pod_limit_bytes):
        return killed_by_pod(state, context) or _not_to_blame(context)
    if needed_kind(state) is None:
        return "no sample of its memory was seen yet"
    return "there is not enough evidence yet"


def _not_to_blame(context: Context) -> str:
    """By the latest kill."""
    last = context.kills[-1]
    match last.scope:
        case OomScope.NODE:
            return "the node ran out of memory, and no limit is to blame; then the request decides who goes first"
        case OomScope.CGROUP:
            return "a cgroup above the pod reached its limit, and the container's is not to blame"
        case OomScope.POD if context.pod_limit_bytes is not None:
            return reached(context.pod_limit_bytes)
        case _:
            return "which limit killed it is not known"
