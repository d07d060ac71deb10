"""From what the pods of one workload say to its MemoryRecommendation. Pure.

The worst replica decides and is never averaged away; kills of pods that are gone stay counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from oomsight_api.conditions import merge_conditions
from oomsight_api.quantity import format_bytes
from oomsight_api.recommendation import (
    MAX_CONTAINERS,
    MAX_SENTENCE_LENGTH,
    MAX_STEPS,
    ContainerRecommendation,
    MemoryRecommendationStatus,
    Resource,
    Step,
    Summary,
)
from oomsight_api.times import format_time
from oomsight_operator.judgement.forecast.outlook import Shape
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import (
    Assessment,
    ContainerAssessment,
    ContainerHistory,
    Owner,
    Pod,
    PodHistory,
    Recommendation,
)
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.judgement.words import short_hash
from oomsight_operator.publishing.events import one_line
from oomsight_operator.publishing.kill_records import ContainerMemory
from oomsight_operator.publishing.recommendation_condition import provided, why_nothing
from oomsight_operator.publishing.whys import WARNINGS, why_words

_BUILT_IN = frozenset({"v1", "apps/v1", "batch/v1"})
_NO_HISTORY = ContainerHistory()
USAGE_OBSERVED = "UsageObserved"
"""Why something is recommended where nothing happened: what was seen of its memory."""


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


def target_of(pod: Pod, workload: Owner | None) -> Owner:
    """Whom the recommendation is for and owned by: the workload, or the pod itself when nobody controls it."""
    return workload if workload is not None else Owner("v1", "Pod", pod.name, pod.uid)


def workload_key(namespace: str, target: Owner) -> str:
    """By which a workload is remembered. The uid alone will not do: a tenant can write an owner reference with the uid of another
    namespace's workload, and shall teach it nothing (the garbage collector deletes such a pod, but only after a while)."""
    return f"{namespace}/{target.uid}"


def object_name(target: Owner) -> str:
    """`deployment-web`; always a DNS subdomain of at most 253 characters, different for different workloads.

    A hash follows where the plain name would be too long, no DNS subdomain, or shared with a kind of another API group.
    """
    plain = f"{target.kind.lower()}-{target.name}"
    safe = re.sub(r"[^a-z0-9.-]+", "-", plain.lower())
    safe = re.sub(r"\.[.-]+|-+\.[.-]*", ".", safe).strip(".-")
    if safe == plain and len(safe) <= 253 and target.api_version in _BUILT_IN:
        return plain
    digest = short_hash(target.api_version, target.kind, target.name)
    return f"{safe[: 253 - len(digest) - 1].rstrip('.-') or 'workload'}-{digest}"


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


def status_of(
    target: Owner,
    contributions: Iterable[Contribution],
    memories: Mapping[str, ContainerMemory],
    standing: MemoryRecommendationStatus,
    *,
    generation: int,
    now_seconds: float,
    withdrawn: bool = False,
) -> MemoryRecommendationStatus:
    """The status to write, without digests. `standing` is what was written before: its recommendations stay where no living pod
    gives one, its transition times where nothing changed. `withdrawn`: no policy selects the workload's pods any more."""
    pods = sorted(contributions, key=lambda contribution: contribution.pod_uid)
    by_name: dict[str, list[ContainerContribution]] = {}
    for pod in pods:
        for container in pod.containers:
            by_name.setdefault(container.name, []).append(container)
    before = {container.name: container for container in standing.containers}
    names = sorted(
        {name for name, said in by_name.items() if any(c.recommendation or c.kills or c.observed_hours for c in said)}
        | memories.keys()
        | before.keys()
    )
    containers = tuple(
        _container(name, by_name.get(name, ()), memories.get(name, ContainerMemory()), before.get(name))
        for name in names[:MAX_CONTAINERS]
    )
    summary = _summary(target, containers, by_name)
    policy, nothing = (pods[0].policy, pods[0].nothing) if pods else (None, ("", ""))
    conditions = merge_conditions(standing.conditions, (provided(containers, policy, nothing, generation, now_seconds),))
    if not pods and not withdrawn:  # between two pods nothing changes
        policy, conditions, summary = standing.policy, standing.conditions, standing.summary or summary
    return MemoryRecommendationStatus(
        observed_generation=generation,
        conditions=conditions,
        policy=policy,
        last_update_time=format_time(now_seconds),
        summary=summary,
        containers=containers,
    )


def same_recommendation(one: MemoryRecommendationStatus, other: MemoryRecommendationStatus) -> bool:
    """Whether a reader would learn nothing new; digests, times and the numbers on the way to the same result do not count."""
    return _plain(one) == _plain(other)


def _plain(status: MemoryRecommendationStatus) -> MemoryRecommendationStatus:
    silent = {"digest": None, "steps": (), "reason": "", "confidence_reason": "", "observed_hours": 0}
    containers = tuple(container.model_copy(update=silent) for container in status.containers)
    return status.model_copy(update={"last_update_time": None, "containers": containers})


def _container(
    name: str, said: Iterable[ContainerContribution], memory: ContainerMemory, before: ContainerRecommendation | None
) -> ContainerRecommendation:
    said = tuple(said)
    kills = {"oom_kills": memory.oom_kills, "kills": memory.kills}
    recommending = [item.recommendation for item in said if item.recommendation is not None]
    limits = [item for item in recommending if item.limit_bytes is not None]
    requests = [item for item in recommending if item.request_bytes is not None]
    current = {
        "current_limit": _quantity(
            min((item.current_limit_bytes for item in said if item.current_limit_bytes is not None), default=None)
        ),
        "current_request": _quantity(
            min((item.current_request_bytes for item in said if item.current_request_bytes is not None), default=None)
        ),
    }
    if not recommending:
        kept = before if before is not None else ContainerRecommendation(name=name)
        seen = {**current, "observed_hours": max(item.observed_hours for item in said)} if said else {}
        return kept.model_copy(update={**kills, **seen, "digest": None})
    limit = max(limits, key=lambda item: item.limit_bytes or 0, default=None)
    request = max(requests, key=lambda item: item.request_bytes or 0, default=None)
    steps = (*_steps(Resource.LIMIT, limit), *_steps(Resource.REQUEST, request))
    reason = next((item.reason for item in said if item.recommendation is (limit or request)), "")
    return ContainerRecommendation.model_validate(
        {
            "name": name,
            **current,
            "recommended_limit": _quantity(limit.limit_bytes if limit else None),
            "recommended_request": _quantity(request.request_bytes if request else None),
            "reason": _sentence(_why(limit or request), reason),
            **_confidence(limit or request),
            "steps": _fitting(steps),
            **kills,
        }
    )


def _confidence(found: Recommendation | None) -> dict[str, object]:
    if found is None:
        return {}
    return {
        "confidence": found.confidence,
        "confidence_reason": _sentence(found.confidence_why),
        "observed_hours": max(0, found.observed_hours),
    }


def _steps(resource: Resource, recommendation: Recommendation | None) -> Iterable[Step]:
    if recommendation is None:
        return
    for step in recommendation.limit_steps if resource is Resource.LIMIT else recommendation.request_steps:
        yield Step(
            resource=resource,
            rule=one_line(step.rule, 63),
            why=_sentence(step.why),
            before=_quantity(step.before_bytes),
            after=format_bytes(step.after_bytes),
        )


def _fitting(steps: Sequence[Step]) -> tuple[Step, ...]:
    """As many as there is room for, in their order: warnings are never left out for others, nor what changes a number for what only
    says something."""
    ranked = sorted(steps, key=lambda step: 0 if step.rule in WARNINGS else 1 if step.before != step.after else 2)
    kept = {id(step) for step in ranked[:MAX_STEPS]}
    return tuple(step for step in steps if id(step) in kept)


def _why(recommendation: Recommendation | None) -> str:
    return why_words(recommendation, MAX_SENTENCE_LENGTH) if recommendation is not None else ""


def _summary(
    target: Owner, containers: tuple[ContainerRecommendation, ...], by_name: Mapping[str, list[ContainerContribution]]
) -> Summary | None:
    if not containers:
        return None
    worst = max(containers, key=lambda item: (item.oom_kills > 0 and _is_open(item), item.oom_kills, _is_open(item)))
    reason = next((item.reason for item in by_name.get(worst.name, ()) if item.reason), "")
    return Summary(
        workload=one_line(f"{target.kind}/{target.name}", 320),
        container=worst.name,
        current_limit=worst.current_limit,
        recommended_limit=worst.recommended_limit,
        current_request=worst.current_request,
        recommended_request=worst.recommended_request,
        reason="OOMKilled" if worst.oom_kills else reason or (USAGE_OBSERVED if _is_recommended(worst) else None),
        oom_kills=sum(container.oom_kills for container in containers),
        confidence=worst.confidence,
    )


def _is_recommended(container: ContainerRecommendation) -> bool:
    return container.recommended_limit is not None or container.recommended_request is not None


def _is_open(container: ContainerRecommendation) -> bool:
    """Something is recommended that is not so yet."""
    limit_open = container.recommended_limit not in (None, container.current_limit)
    return limit_open or container.recommended_request not in (None, container.current_request)


def _reason_word(container: ContainerAssessment) -> str:
    return container.findings[0].reason.value if container.findings else ""


def _sentence(*texts: str) -> str:
    return one_line(next((text for text in texts if text), ""), MAX_SENTENCE_LENGTH)


def _quantity(amount_bytes: int | None) -> str | None:
    return format_bytes(amount_bytes) if amount_bytes is not None and amount_bytes >= 0 else None
