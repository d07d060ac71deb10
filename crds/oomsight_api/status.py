"""Status of MemoryPolicy and ClusterMemoryPolicy: conditions, counts, and the worst few. Never per-pod data that changes fast."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oomsight_api.api_model import WHOLE_NUMBER, Name, StatusModel
from oomsight_api.conditions import MAX_CONDITIONS, Condition
from oomsight_api.names import RiskLevel, RiskReason

MAX_WORST = 10

Count = Annotated[int, Field(ge=0), WHOLE_NUMBER]


class LevelCounts(StatusModel):
    """Pods by level of risk."""

    unknown: Count = 0
    """Pods of which nothing can be said, since their node's agent is silent or too new."""
    none: Count = 0
    """Pods without a risk."""
    low: Count = 0
    """Pods at low risk."""
    medium: Count = 0
    """Pods at medium risk."""
    high: Count = 0
    """Pods at high risk."""
    critical: Count = 0
    """Pods at critical risk."""


class WorstContainer(StatusModel):
    """One of the containers most at risk."""

    namespace: Name
    """Namespace of the pod."""
    pod: Name
    """Name of the pod."""
    container: Annotated[str, Field(max_length=63)]
    """Name of the container."""
    level: RiskLevel
    """Its level of risk."""
    reasons: Annotated[tuple[RiskReason, ...], Field(max_length=16)] = ()
    """Why, worst first."""


class PolicyStatus(StatusModel):
    """What became of the policy. Counts are of pods for which this policy decides, except matchedPods."""

    observed_generation: Count | None = None
    """The generation of the spec that this status was computed from."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=MAX_CONDITIONS)] = Field(
        default=(), json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    )
    """Accepted, Enforced, PartiallyEnforced and Overridden."""
    matched_pods: Count | None = None
    """Pods that the policy selects."""
    enforced_pods: Count | None = None
    """Pods among them for which it decides; another policy decides for the others."""
    at_risk_pods: Count | None = None
    """Pods at level low or above."""
    pods_by_level: LevelCounts | None = None
    """Pods by level of risk."""
    worst: Annotated[tuple[WorstContainer, ...], Field(max_length=MAX_WORST)] = ()
    """The containers most at risk, worst first, at most ten."""
