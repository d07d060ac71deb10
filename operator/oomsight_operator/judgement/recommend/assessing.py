"""The recommender's part in the judgement of a container: learn from this look at it, then recommend."""

from __future__ import annotations

from dataclasses import replace

from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationSpec
from oomsight_operator.judgement.model import ContainerKind, ContainerSpec, LastRow, Pod, Recommendation
from oomsight_operator.judgement.recommend.absence import why_no_limit
from oomsight_operator.judgement.recommend.cache_look import cache_fit, cache_look, tells_no_refaults
from oomsight_operator.judgement.recommend.context import Context
from oomsight_operator.judgement.recommend.learning import learned
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.state import NOTHING, State
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.runtime.process import heap_by_process
from oomsight_operator.judgement.usual import Usual


def recommended(
    around: Surroundings,
    pod: Pod,
    spec: ContainerSpec,
    subject: Subject,
    qos_class: QosClass,
    sample_seconds: float | None,
    policy: RecommendationSpec,
    usual: Usual,
    *,
    leaks: bool,
    ended: tuple[LastRow, ...] = (),
) -> tuple[State | None, Recommendation | None, str]:
    """What is remembered of the workload's container now, the recommendation, and why a killed one gets no limit.

    `pod` has what is recommended for the containers before this one.
    """
    if spec.kind is ContainerKind.EPHEMERAL:
        return None, None, "an ephemeral container can be given none" if subject.kills else ""
    state = learned(
        around.learned.get(spec.name, NOTHING),
        subject.row.memory if subject.row is not None else None,
        page_cache=policy.page_cache,
        kills=subject.kills,
        pod_limit_bytes=subject.pod_limit_bytes,
        sample_seconds=sample_seconds,
        now_seconds=subject.now_seconds,
        cache=cache_look(subject, usual),
        fit=cache_fit(subject),
        untold_refaults=tells_no_refaults(subject.row),
        ended=ended,
    )
    context = Context(
        name=spec.name,
        limit_bytes=spec.memory_limit_bytes,
        request_bytes=spec.memory_request_bytes,
        qos_class=qos_class,
        kills=subject.kills,
        now_seconds=subject.now_seconds,
        pod_limit_bytes=subject.pod_limit_bytes,
        pod_request_bytes=pod.pod_memory_request_bytes,
        leaks=leaks,
        brief=spec.kind is ContainerKind.INIT,
        # What the metrics API tells of a pod leaves out init containers, and so does the autoscaler.
        around=replace(around, autoscalers=()) if spec.kind is ContainerKind.INIT else around,
        pod=pod,
        heap=spec.heap if spec.heap is not None else heap_by_process(_largest_process(subject)),
        node_memory_bytes=subject.node.memory.total_bytes if subject.node.memory is not None else None,
    )
    state, found = recommend(state, context, policy)
    unanswered = bool(subject.kills) and (found is None or found.limit_bytes is None)
    return state, found, why_no_limit(state, context, policy) if unanswered else ""


def _largest_process(subject: Subject) -> str | None:
    """Its name; None where no process is known."""
    processes = subject.row.processes if subject.row is not None else ()
    return max(processes, key=lambda process: process.rss_bytes or 0).name if processes else None
