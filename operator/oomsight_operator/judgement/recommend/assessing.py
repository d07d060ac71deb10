"""The recommender's part in the judgement of a container: learn from this look at it, then recommend."""

from __future__ import annotations

from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationSpec
from oomsight_operator.judgement.model import ContainerKind, ContainerSpec, Recommendation
from oomsight_operator.judgement.recommend.context import Context
from oomsight_operator.judgement.recommend.learning import learned
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.state import NOTHING, State
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.judgement.risk.subject import Subject


def recommended(
    around: Surroundings,
    spec: ContainerSpec,
    subject: Subject,
    qos_class: QosClass,
    sample_seconds: float | None,
    policy: RecommendationSpec,
    *,
    leaks: bool,
) -> tuple[State | None, Recommendation | None]:
    """What is remembered of the workload's container now, and the recommendation; an ephemeral one cannot ask for anything."""
    if spec.kind is ContainerKind.EPHEMERAL:
        return None, None
    state = learned(
        around.learned.get(spec.name, NOTHING),
        subject.row.memory if subject.row is not None else None,
        page_cache=policy.page_cache,
        kills=subject.kills,
        pod_limit_bytes=subject.pod_limit_bytes,
        sample_seconds=sample_seconds,
        now_seconds=subject.now_seconds,
    )
    cpu = spec.cpu_request_millicores if spec.cpu_request_millicores is not None else spec.cpu_limit_millicores
    context = Context(
        name=spec.name,
        limit_bytes=spec.memory_limit_bytes,
        request_bytes=spec.memory_request_bytes,
        qos_class=qos_class,
        kills=subject.kills,
        now_seconds=subject.now_seconds,
        cpu_request_equals_limit=bool(cpu) and cpu == spec.cpu_limit_millicores,
        pod_limit_bytes=subject.pod_limit_bytes,
        leaks=leaks,
        around=around,
    )
    return recommend(state, context, policy)
