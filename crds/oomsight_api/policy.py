"""MemoryPolicy and ClusterMemoryPolicy: what cluster admins ask of oomsight.

The CRD YAML beside this package is generated from these models (`oomsight-crds`); defaults, enums and bounds stand here once.
Their docstrings are what `kubectl explain` shows. What comes out of the API is read by `oomsight_api.parse`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from oomsight_api.api_model import WHOLE_NUMBER, ApiModel, Quantity, cel
from oomsight_api.quantity import parse_bytes
from oomsight_api.risk_policy import NearLimitThresholds, RiskSpec
from oomsight_api.selectors import ContainerPatterns, LabelSelector, LabelSelectorRequirement

__all__ = [
    "AnnotationsMode",
    "ApiModel",
    "ClusterMemoryPolicySpec",
    "ContainerPatterns",
    "LabelSelector",
    "LabelSelectorRequirement",
    "MemoryPolicySpec",
    "NearLimitThresholds",
    "PageCache",
    "PolicyRules",
    "PublishSpec",
    "Quantity",
    "RecommendationMode",
    "RecommendationSpec",
    "RiskSpec",
    "TargetQos",
    "Toggle",
    "UpdateMode",
    "UpdateSpec",
]


class AnnotationsMode(StrEnum):
    """Which pods get annotations."""

    ALL = "All"
    AT_RISK = "AtRisk"
    NONE = "None"


class Toggle(StrEnum):
    """On or off."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"


class RecommendationMode(StrEnum):
    """When a limit and a request are recommended."""

    ON_OOM_KILL = "OnOOMKill"
    ALWAYS = "Always"
    OFF = "Off"


class TargetQos(StrEnum):
    """Which QoS class a recommendation aims at."""

    KEEP = "Keep"
    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"


class PageCache(StrEnum):
    """How much page cache a recommended limit leaves room for."""

    EXCLUDE = "Exclude"
    WORKING = "Working"
    INCLUDE = "Include"


class UpdateMode(StrEnum):
    """What oomsight may change on a workload by itself."""

    OFF = "Off"


class PublishSpec(ApiModel):
    """What is written onto the selected pods, and what is sent."""

    annotations: AnnotationsMode = AnnotationsMode.ALL
    """Which pods get annotations: All selected ones, only those AtRisk (level low or above), or None."""
    events: Toggle = Toggle.ENABLED
    """Whether OOM kills and changes of risk are sent as Events on the pod."""
    risk_label: Toggle = Toggle.DISABLED
    """Whether pods get the label oomsight.dev/oom-risk, for kubectl get pods -l and -L."""


class RecommendationSpec(ApiModel):
    """Which limits and requests are recommended. A recommendation is only published, never applied, while update.mode is Off."""

    mode: RecommendationMode = RecommendationMode.ON_OOM_KILL
    """When to recommend: after an OOM kill (OnOOMKill), Always, or never (Off)."""
    target_qos: TargetQos = Field(default=TargetQos.KEEP, alias="targetQoS")
    """The QoS class to aim at: Keep the pod's, Guaranteed (request equals limit) or Burstable (request below limit)."""
    page_cache: PageCache = PageCache.WORKING
    """How much page cache the limit leaves room for: none (Exclude), what is used again (Working), or all that was seen (Include).
    Working and Include ask for more, step by step, where pages were dropped at the limit and read again."""
    headroom_percent: Annotated[int, Field(ge=0, le=200), WHOLE_NUMBER] = 0
    """Room on top of what is left anyway for the next jump of this container, learned from its own, as percent of the limit."""
    min_limit: Quantity | None = None
    """Never recommend a limit below this quantity of memory, such as 64Mi."""
    max_limit: Quantity | None = None
    """Never recommend a limit above this quantity of memory, such as 8Gi. Must not be below minLimit."""

    @property
    def min_limit_bytes(self) -> int | None:
        """`minLimit` in bytes; None where unset."""
        return None if self.min_limit is None else parse_bytes(self.min_limit)

    @property
    def max_limit_bytes(self) -> int | None:
        """`maxLimit` in bytes; None where unset."""
        return None if self.max_limit is None else parse_bytes(self.max_limit)


class UpdateSpec(ApiModel):
    """What oomsight may change on a workload by itself."""

    mode: UpdateMode = UpdateMode.OFF
    """Off: nothing, ever. Recommendations are only published."""


class PolicyRules(ApiModel):
    """What a policy says about the pods it selects. Atomic: rules of two policies are never mixed (GEP-713)."""

    containers: ContainerPatterns = ContainerPatterns()
    """Which containers of a selected pod are judged, by name (init containers and sidecars included)."""
    publish: PublishSpec = PublishSpec()
    """What is written onto the selected pods, and what is sent."""
    risk: RiskSpec = RiskSpec()
    """When a container counts as at risk."""
    recommendation: RecommendationSpec = RecommendationSpec()
    """Which limits and requests are recommended."""
    update: UpdateSpec = UpdateSpec()
    """What oomsight may change on a workload by itself."""


class MemoryPolicySpec(PolicyRules):
    """What is asked for the pods of the policy's own namespace that it selects."""

    pod_selector: LabelSelector = LabelSelector()
    """Which pods of this namespace; an empty selector selects all of them."""


_ONE_OF_RULE = "has(self.defaults) != has(self.overrides)"
_ONE_OF_MESSAGE = "exactly one of defaults and overrides must be given"


class ClusterMemoryPolicySpec(ApiModel):
    """What is asked for the selected pods of the whole cluster: exactly one of defaults and overrides."""

    model_config = ConfigDict(json_schema_extra=cel(_ONE_OF_RULE, _ONE_OF_MESSAGE))

    namespace_selector: LabelSelector = LabelSelector()
    """Which namespaces, by their labels; an empty selector selects all of them."""
    pod_selector: LabelSelector = LabelSelector()
    """Which pods of these namespaces; an empty selector selects all of them."""
    defaults: PolicyRules | None = None
    """Rules for pods that no MemoryPolicy of their namespace selects. A MemoryPolicy beats them."""
    overrides: PolicyRules | None = None
    """Rules that beat every MemoryPolicy and every defaults."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.defaults is None) == (self.overrides is None):
            raise ValueError(_ONE_OF_MESSAGE)
        return self

    @property
    def rules(self) -> PolicyRules:
        """The one that is given."""
        rules = self.defaults if self.overrides is None else self.overrides
        assert rules is not None
        return rules
