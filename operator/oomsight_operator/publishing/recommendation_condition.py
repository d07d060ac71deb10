"""The condition RecommendationProvided: what is recommended, or why nothing is and what would change that. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from oomsight_api.conditions import MAX_MESSAGE_LENGTH, Condition
from oomsight_api.names import ConditionType, QosClass
from oomsight_api.policy import RecommendationMode, TargetQos
from oomsight_api.recommendation import ContainerRecommendation
from oomsight_api.times import format_time
from oomsight_operator.judgement.model import Assessment
from oomsight_operator.judgement.recommend.context import ENOUGH_HOURS
from oomsight_operator.publishing.events import one_line


def why_nothing(assessment: Assessment) -> tuple[str, str]:
    """Reason and message where the judgement of a pod recommends nothing."""
    spec = assessment.policy.rules.recommendation
    if spec.mode is RecommendationMode.OFF:
        change = "OnOOMKill or Always recommends"
        return "ModeOff", f"Nothing is recommended: the policy's recommendation.mode is Off, and {change}."
    if assessment.qos_class is QosClass.BEST_EFFORT and spec.target_qos is TargetQos.KEEP:
        change = "Burstable or Guaranteed recommends"
        return "KeepsBestEffort", (
            "Nothing is recommended: the pods are BestEffort, any request or limit would change that, and the policy's"
            f" recommendation.targetQoS is Keep; {change}."
        )
    after_hours = f"once memory was sampled in {ENOUGH_HOURS} different hours"
    if spec.mode is RecommendationMode.ALWAYS:
        return "NoEvidence", f"Nothing to recommend yet: mode Always recommends {after_hours}."
    return "NoEvidence", (
        "Nothing to recommend: no OOM kill by a limit was seen, and the policy's recommendation.mode is OnOOMKill."
        f" Mode Always recommends {after_hours}, without a kill."
    )


def provided(
    containers: Iterable[ContainerRecommendation],
    policy: str | None,
    nothing: tuple[str, str],
    generation: int,
    now_seconds: float,
) -> Condition:
    """The condition; `nothing` is what `why_nothing` says of the workload's pods."""
    recommending = [item for item in containers if item.recommended_limit is not None or item.recommended_request is not None]
    if policy is None:
        status, reason, message = "False", "NoPolicy", "No policy selects the workload's pods; what is shown is from before."
    elif not recommending:
        status, (reason, message) = "False", nothing
    else:
        said = "; ".join(
            f"{item.name}: limit {item.recommended_limit or 'unset'}, request {item.recommended_request or 'unset'}"
            for item in recommending
        )
        reason = "OOMKilled" if any(item.oom_kills for item in recommending) else "UsageObserved"
        status, message = "True", f"Recommended memory: {said}."
    return Condition.model_validate(
        {
            "type": ConditionType.RECOMMENDATION_PROVIDED.value,
            "status": status,
            "reason": reason,
            "message": one_line(message, MAX_MESSAGE_LENGTH),
            "observed_generation": generation,
            "last_transition_time": format_time(now_seconds),
        }
    )
