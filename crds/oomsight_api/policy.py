"""MemoryPolicy and ClusterMemoryPolicy: what cluster admins ask of oomsight.

The CRD YAML beside this package is generated from these models (`oomsight-crds`); defaults, enums and bounds stand here once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class ApiModel(BaseModel):
    """Base of everything that stands in a custom resource: camelCase on the wire, immutable, no unknown fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


class AnnotationsMode(StrEnum):
    """Which pods get annotations."""

    ALL = "All"
    AT_RISK = "AtRisk"
    NONE = "None"


class Toggle(StrEnum):
    ENABLED = "Enabled"
    DISABLED = "Disabled"


class RecommendationMode(StrEnum):
    ON_OOM_KILL = "OnOOMKill"
    ALWAYS = "Always"
    OFF = "Off"


class TargetQos(StrEnum):
    KEEP = "Keep"
    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"


class PageCache(StrEnum):
    """How much page cache a recommended limit leaves room for."""

    EXCLUDE = "Exclude"
    WORKING = "Working"
    INCLUDE = "Include"


class UpdateMode(StrEnum):
    OFF = "Off"


# (refined by the owner of this room: selectors, quantities, bounds, CEL rules)
Quantity = Annotated[str | int, Field(description="A Kubernetes quantity of bytes, such as 512Mi")]


class LabelSelectorRequirement(ApiModel):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


class LabelSelector(ApiModel):
    """metav1.LabelSelector; an empty one selects everything."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class ContainerPatterns(ApiModel):
    """Shell-style patterns of container names; excluded beats included."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class PublishSpec(ApiModel):
    annotations: AnnotationsMode = AnnotationsMode.ALL
    events: Toggle = Toggle.ENABLED
    risk_label: Toggle = Toggle.DISABLED


class NearLimitThresholds(ApiModel):
    """Unreclaimable memory as percent of the limit, at and above which a container is at that level of risk."""

    low_percent: int = Field(default=70, ge=1, le=100)
    medium_percent: int = Field(default=80, ge=1, le=100)
    high_percent: int = Field(default=90, ge=1, le=100)
    critical_percent: int = Field(default=95, ge=1, le=100)


class RiskSpec(ApiModel):
    near_limit: NearLimitThresholds = NearLimitThresholds()
    hysteresis_percent: int = Field(default=5, ge=0, le=50)
    """Points below a threshold before the level falls."""
    hold_seconds: int = Field(default=300, ge=0, le=86400)
    """How long a lower level must last before the published level falls."""
    recent_kill_seconds: int = Field(default=86400, ge=60, le=2592000)
    """How long a kill keeps a container at risk."""


class RecommendationSpec(ApiModel):
    mode: RecommendationMode = RecommendationMode.ON_OOM_KILL
    target_qos: TargetQos = Field(default=TargetQos.KEEP, alias="targetQoS")
    page_cache: PageCache = PageCache.WORKING
    headroom_percent: int = Field(default=20, ge=0, le=200)
    min_limit: Quantity | None = None
    max_limit: Quantity | None = None


class UpdateSpec(ApiModel):
    mode: UpdateMode = UpdateMode.OFF


class PolicyRules(ApiModel):
    """What a policy says about the pods it selects. Atomic: rules of two policies are never mixed (GEP-713)."""

    containers: ContainerPatterns = ContainerPatterns()
    publish: PublishSpec = PublishSpec()
    risk: RiskSpec = RiskSpec()
    recommendation: RecommendationSpec = RecommendationSpec()
    update: UpdateSpec = UpdateSpec()


class MemoryPolicySpec(PolicyRules):
    """Namespaced: selects pods of its own namespace only."""

    pod_selector: LabelSelector = LabelSelector()


class ClusterMemoryPolicySpec(ApiModel):
    """Cluster-scoped. Exactly one of `defaults` (a MemoryPolicy beats it) and `overrides` (beats every MemoryPolicy)."""

    namespace_selector: LabelSelector = LabelSelector()
    pod_selector: LabelSelector = LabelSelector()
    defaults: PolicyRules | None = None
    overrides: PolicyRules | None = None
