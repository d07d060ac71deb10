"""The part of a policy that says when a container counts as at risk: one class of thresholds for each kind of number.

Whole numbers throughout, since a spec has no floats. What each reason makes of them: `docs/risk.md`.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from oomsight_api.api_model import WHOLE_NUMBER, ApiModel, cel

_ORDER_RULE = (
    "self.lowPercent <= self.mediumPercent && self.mediumPercent <= self.highPercent && self.highPercent <= self.criticalPercent"
)
_ORDER_MESSAGE = "thresholds must be ordered: lowPercent <= mediumPercent <= highPercent <= criticalPercent"


def _check_order(message: str, *values: int, falling: bool = False) -> None:
    """Raises ValueError with the values, in the message's order: who sets one may not know the defaults of the others."""
    if list(values) != sorted(values, reverse=falling):
        raise ValueError(f"{message}; found {', '.join(map(str, values))}, with the defaults of what is not set")


class NearLimitThresholds(ApiModel):
    """Unreclaimable memory as percent of the limit, at and above which a container is at that level of risk."""

    model_config = ConfigDict(json_schema_extra=cel(_ORDER_RULE, _ORDER_MESSAGE))

    low_percent: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] = 70
    """From here on the risk is low."""
    medium_percent: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] = 80
    """From here on the risk is medium."""
    high_percent: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] = 90
    """From here on the risk is high."""
    critical_percent: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] = 95
    """From here on the risk is critical."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(_ORDER_MESSAGE, self.low_percent, self.medium_percent, self.high_percent, self.critical_percent)
        return self


_SOONER_RULE = (
    "self.lowSeconds >= self.mediumSeconds && self.mediumSeconds >= self.highSeconds && self.highSeconds >= self.criticalSeconds"
)
_SOONER_MESSAGE = "thresholds must be ordered: lowSeconds >= mediumSeconds >= highSeconds >= criticalSeconds"


class TimeToLimitThresholds(ApiModel):
    """Forecast time until what cannot be reclaimed reaches the limit, at and below which a container is at that level of risk."""

    model_config = ConfigDict(json_schema_extra=cel(_SOONER_RULE, _SOONER_MESSAGE))

    low_seconds: Annotated[int, Field(ge=1, le=2592000), WHOLE_NUMBER] = 86400
    """Within this time the risk is low."""
    medium_seconds: Annotated[int, Field(ge=1, le=2592000), WHOLE_NUMBER] = 14400
    """Within this time the risk is medium."""
    high_seconds: Annotated[int, Field(ge=1, le=2592000), WHOLE_NUMBER] = 3600
    """Within this time the risk is high."""
    critical_seconds: Annotated[int, Field(ge=1, le=2592000), WHOLE_NUMBER] = 600
    """Within this time the risk is critical."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(_SOONER_MESSAGE, self.low_seconds, self.medium_seconds, self.high_seconds, self.critical_seconds, falling=True)
        return self


_STALL_RULE = "self.lowPercent <= self.mediumPercent && self.mediumPercent <= self.highPercent"
_STALL_MESSAGE = "thresholds must be ordered: lowPercent <= mediumPercent <= highPercent"


class MemoryPressureThresholds(ApiModel):
    """Share of the last minute in which every task waited for memory (PSI full avg60), for each level of risk."""

    model_config = ConfigDict(json_schema_extra=cel(_STALL_RULE, _STALL_MESSAGE))

    low_percent: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] = 5
    """From here on the risk is low."""
    medium_percent: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] = 10
    """From here on the risk is medium."""
    high_percent: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] = 30
    """From here on the risk is high."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(_STALL_MESSAGE, self.low_percent, self.medium_percent, self.high_percent)
        return self


_RATE_RULE = "self.lowPagesPerSecond <= self.mediumPagesPerSecond"
_RATE_MESSAGE = "thresholds must be ordered: lowPagesPerSecond <= mediumPagesPerSecond"


class ThrashingThresholds(ApiModel):
    """Pages a second that were given up and needed again, for each level of risk."""

    model_config = ConfigDict(json_schema_extra=cel(_RATE_RULE, _RATE_MESSAGE))

    low_pages_per_second: Annotated[int, Field(ge=1, le=100000000), WHOLE_NUMBER] = 200
    """From here on the risk is low."""
    medium_pages_per_second: Annotated[int, Field(ge=1, le=100000000), WHOLE_NUMBER] = 2000
    """From here on the risk is medium."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(_RATE_MESSAGE, self.low_pages_per_second, self.medium_pages_per_second)
        return self


_SHORT_RULE = "self.highPercent <= self.mediumPercent"
_SHORT_MESSAGE = "thresholds must be ordered: highPercent <= mediumPercent"


class NodeAvailableThresholds(ApiModel):
    """Available memory of the node (MemAvailable) in percent, below which it counts as short of memory."""

    model_config = ConfigDict(json_schema_extra=cel(_SHORT_RULE, _SHORT_MESSAGE))

    medium_percent: Annotated[int, Field(ge=1, le=50), WHOLE_NUMBER] = 10
    """Below this, what is only a danger on a node short of memory is a medium risk."""
    high_percent: Annotated[int, Field(ge=1, le=50), WHOLE_NUMBER] = 5
    """Below this, whoever is killed first is at high risk."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(_SHORT_MESSAGE, self.high_percent, self.medium_percent)
        return self


class RiskSpec(ApiModel):
    """When a container counts as at risk."""

    near_limit: NearLimitThresholds = NearLimitThresholds()
    """Unreclaimable memory (never page cache) as percent of the limit, for each level of risk."""
    time_to_limit: TimeToLimitThresholds = TimeToLimitThresholds()
    """Forecast time until unreclaimable memory reaches the limit, for each level of risk (LeakSuspected)."""
    limit_equals_peak_percent: Annotated[int, Field(ge=50, le=100), WHOLE_NUMBER] = 95
    """From this percentage of the limit on, a past peak of unreclaimable memory is a risk though less is used now."""
    memory_pressure: MemoryPressureThresholds = MemoryPressureThresholds()
    """Time in which every task of the container waited for memory, for each level of risk."""
    cache_thrashing: ThrashingThresholds = ThrashingThresholds()
    """Page cache that the limit pushes out and that is read again at once."""
    swap_thrashing: ThrashingThresholds = ThrashingThresholds()
    """Memory that is swapped out and needed again at once."""
    node_available: NodeAvailableThresholds = NodeAvailableThresholds()
    """When the node counts as short of memory."""
    hysteresis_percent: Annotated[int, Field(ge=0, le=50), WHOLE_NUMBER] = 5
    """Points below a threshold before the level falls."""
    hold_seconds: Annotated[int, Field(ge=0, le=86400), WHOLE_NUMBER] = 300
    """How long a lower level must last before the published level falls, in seconds."""
    recent_kill_seconds: Annotated[int, Field(ge=60, le=2592000), WHOLE_NUMBER] = 86400
    """How long a kill keeps a container at risk, in seconds."""
