"""What the judgement of one pod says to its workload's MemoryRecommendation. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from oomsight_operator.judgement.forecast.outlook import Shape
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import (
    Assessment,
    ContainerAssessment,
    ContainerHistory,
    Pod,
    PodHistory,
    Recommendation,
)
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.publishing.recommendation_condition import why_nothing

_NO_HISTORY = ContainerHistory()


@dataclass(frozen=True, slots=True)
class ContainerContribution:
    """What one pod says about one of its containers."""

    name: str
    current_limit_bytes: int | None
    current_request_bytes: int | None
    recommendation: Recommendation | None
    reason: str
    """One word for the worst that holds; empty when nothing does."""
    kills: tuple[Kill, ...] = ()
    observed_hours: int = field(default=0, compare=False)
    """Hours of which samples were seen, of all replicas; 0 where nothing was learned."""
    grows: bool = field(default=False, compare=False)
    """What cannot be reclaimed rises towards the limit, whether or not that is told."""
    history: ContainerHistory = field(default=_NO_HISTORY, compare=False)
    """Moves with every sample, and is no reason to write."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one pod says."""

    pod_uid: str
    pod_name: str
    policy: str
    containers: tuple[ContainerContribution, ...]
    nothing: tuple[str, str] = ("NoEvidence", "Nothing to recommend yet.")
    """Why it recommends nothing where it does not, as one word and in a sentence."""


def has_news(assessment: Assessment) -> bool:
    """Whether a judgement is worth an object: a recommendation, or kills to remember."""
    return any(container.recommendation is not None or container.kills for container in assessment.containers)


def hours_of(state: State | None) -> int:
    """Hours of which samples were seen, of the kind of memory that was watched for longest."""
    tracks = (state.usage, state.working_set, state.unreclaimable) if state is not None else ()
    return max((track.observed_hours for track in tracks if track is not None), default=0)


def contribution_of(pod: Pod, assessment: Assessment, history: PodHistory | None) -> Contribution:
    """What the judgement of a pod adds to its workload's recommendation."""
    histories = history.containers if history is not None else {}
    return Contribution(
        pod.uid,
        pod.name,
        str(assessment.policy.ref),
        tuple(
            ContainerContribution(
                name=container.name,
                current_limit_bytes=container.memory_limit_bytes,
                current_request_bytes=container.memory_request_bytes,
                recommendation=container.recommendation,
                reason=_reason_word(container),
                kills=container.kills,
                observed_hours=hours_of(container.learned),
                grows=container.forecast is not None and container.forecast.shape is Shape.GROWING,
                history=histories.get(container.name, _NO_HISTORY),
            )
            for container in assessment.containers
        ),
        why_nothing(assessment),
    )


def _reason_word(container: ContainerAssessment) -> str:
    return container.findings[0].reason.value if container.findings else ""
