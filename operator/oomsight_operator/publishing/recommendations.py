"""From what the pods of one workload say to its MemoryRecommendation. Pure.

The worst replica decides and is never averaged away; kills of pods that are gone stay counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
from oomsight_operator.judgement.model import (
    Owner,
    Recommendation,
)
from oomsight_operator.publishing.contributions import ContainerContribution, Contribution
from oomsight_operator.publishing.deciding import deciding_limit, deciding_request
from oomsight_operator.publishing.events import one_line
from oomsight_operator.publishing.kill_records import ContainerMemory
from oomsight_operator.publishing.recommendation_condition import provided
from oomsight_operator.publishing.whys import WARNINGS, why_words

USAGE_OBSERVED = "UsageObserved"
"""Why something is recommended where nothing happened: what was seen of its memory."""


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
    limit = deciding_limit(recommending)
    request = deciding_request(recommending, limit)
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


def _sentence(*texts: str) -> str:
    return one_line(next((text for text in texts if text), ""), MAX_SENTENCE_LENGTH)


def _quantity(amount_bytes: int | None) -> str | None:
    return format_bytes(amount_bytes) if amount_bytes is not None and amount_bytes >= 0 else None
