from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from oomsight_api.policy import ClusterMemoryPolicySpec, MemoryPolicySpec, PageCache, RecommendationMode
from oomsight_api.risk_policy import NearLimitThresholds, RiskSpec


def test_an_empty_spec_selects_everything_publishes_everything_and_changes_nothing() -> None:
    spec = MemoryPolicySpec.model_validate({})
    assert spec.to_wire() == {
        "podSelector": {"matchLabels": {}, "matchExpressions": []},
        "containers": {"include": ["*"], "exclude": []},
        "publish": {"annotations": "All", "events": "Enabled", "riskLabel": "Disabled"},
        "risk": {
            "nearLimit": {"lowPercent": 70, "mediumPercent": 80, "highPercent": 90, "criticalPercent": 95},
            "timeToLimit": {"lowSeconds": 86400, "mediumSeconds": 14400, "highSeconds": 3600, "criticalSeconds": 600},
            "limitEqualsPeakPercent": 95,
            "memoryPressure": {"lowPercent": 5, "mediumPercent": 10, "highPercent": 30},
            "cacheThrashing": {"lowPagesPerSecond": 200, "mediumPagesPerSecond": 2000},
            "swapThrashing": {"lowPagesPerSecond": 200, "mediumPagesPerSecond": 2000},
            "nodeAvailable": {"mediumPercent": 10, "highPercent": 5},
            "hysteresisPercent": 5,
            "holdSeconds": 300,
            "recentKillSeconds": 86400,
        },
        "recommendation": {"mode": "OnOOMKill", "targetQoS": "Keep", "pageCache": "Working", "headroomPercent": 0},
        "update": {"mode": "Off"},
    }


def test_what_is_written_is_read_back_the_same() -> None:
    spec = ClusterMemoryPolicySpec.model_validate(
        {
            "namespaceSelector": {"matchExpressions": [{"key": "env", "operator": "In", "values": ["prod"]}]},
            "overrides": {"recommendation": {"mode": "Always", "pageCache": "Exclude", "minLimit": "64Mi", "maxLimit": 2**33}},
        }
    )
    assert spec.rules.recommendation.mode is RecommendationMode.ALWAYS
    assert spec.rules.recommendation.page_cache is PageCache.EXCLUDE
    assert (spec.rules.recommendation.min_limit_bytes, spec.rules.recommendation.max_limit_bytes) == (64 * 2**20, 2**33)
    assert ClusterMemoryPolicySpec.model_validate(spec.to_wire()) == spec


@pytest.mark.parametrize("given", [(70, 60, 90, 95), (96, 80, 90, 95), (70, 80, 90, 89)])
def test_thresholds_out_of_order_are_refused(given: tuple[int, int, int, int]) -> None:
    names = ("lowPercent", "mediumPercent", "highPercent", "criticalPercent")
    with pytest.raises(ValidationError, match="thresholds must be ordered"):
        NearLimitThresholds.model_validate(dict(zip(names, given, strict=True)))


@pytest.mark.parametrize(
    ("risk", "message"),
    [
        ({"timeToLimit": {"lowSeconds": 3600, "mediumSeconds": 7200}}, "lowSeconds >= mediumSeconds"),
        ({"memoryPressure": {"lowPercent": 20}}, "lowPercent <= mediumPercent"),
        ({"cacheThrashing": {"lowPagesPerSecond": 5000}}, "lowPagesPerSecond <= mediumPagesPerSecond"),
        ({"swapThrashing": {"lowPagesPerSecond": 5000}}, "lowPagesPerSecond <= mediumPagesPerSecond"),
        ({"nodeAvailable": {"highPercent": 20}}, "highPercent <= mediumPercent"),
    ],
)
def test_every_group_of_thresholds_is_ordered(risk: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RiskSpec.model_validate(risk)


def test_equal_thresholds_are_in_order() -> None:
    assert NearLimitThresholds.model_validate({"lowPercent": 95, "mediumPercent": 95, "highPercent": 95}).low_percent == 95


@pytest.mark.parametrize("spec", [{}, {"defaults": {}, "overrides": {}}])
def test_a_cluster_policy_has_exactly_one_of_defaults_and_overrides(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="exactly one of defaults and overrides"):
        ClusterMemoryPolicySpec.model_validate(spec)


@pytest.mark.parametrize(
    "spec",
    [
        {"risk": {"holdSeconds": True}},
        {"risk": {"holdSeconds": "300"}},
        {"risk": {"holdSeconds": 300.5}},
        {"risk": {"holdSeconds": 86401}},
        {"update": {"mode": "Auto"}},
        {"update": {"mode": False}},
        {"publish": {"annotation": "All"}},
        {"containers": {"include": []}},
        {"recommendation": {"minLimit": "-1Mi"}},
        {"recommendation": {"minLimit": True}},
        {"recommendation": {"minLimit": 1.5}},
        {"recommendation": {"minLimit": 2**63}},
    ],
)
def test_what_the_schema_refuses_the_models_refuse(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MemoryPolicySpec.model_validate(spec)


def test_a_whole_number_written_with_a_point_is_a_whole_number() -> None:
    assert MemoryPolicySpec.model_validate({"risk": {"holdSeconds": 300.0}}).risk.hold_seconds == 300


def test_specs_cannot_be_changed_after_they_were_read() -> None:
    spec = MemoryPolicySpec()
    with pytest.raises(ValidationError, match="frozen"):
        spec.update = spec.update  # type: ignore[misc]
