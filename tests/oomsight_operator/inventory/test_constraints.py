"""LimitRanges, ResourceQuotas and HorizontalPodAutoscalers as the API sends them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.inventory.constraints import (
    METRICS_ANNOTATION,
    Autoscaler,
    Constraints,
    LimitRange,
    ResourceQuota,
    project_autoscaler,
    project_limit_range,
    project_resource_quota,
)
from oomsight_operator.inventory.store import Store
from oomsight_operator.judgement.model import Owner
from oomsight_operator.judgement.recommend.surroundings import LimitRule, QuotaRule
from oomsight_operator.kube.errors import MalformedObjectError

MI = 1024 * 1024
META = {"uid": "u1", "name": "mem", "namespace": "shop", "resourceVersion": "7"}
WEB = Owner("apps/v1", "Deployment", "web", "uid-web")
PROJECTIONS = (project_limit_range, project_resource_quota, project_autoscaler)


def raw(**fields: Any) -> bytes:
    return json.dumps({"metadata": META, **fields}).encode()


def scaler(*metrics: Any, text: str | None = None) -> Autoscaler:
    told = text if text is not None else json.dumps(metrics)
    meta = {**META, "annotations": {METRICS_ANNOTATION: told}}
    target = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
    return project_autoscaler(json.dumps({"metadata": meta, "spec": {"scaleTargetRef": target, "maxReplicas": 9}}).encode())


def test_of_a_limit_range_what_bounds_the_memory_of_containers_is_kept() -> None:
    limits = [
        {
            "type": "Container",
            "min": {"memory": "64Mi", "cpu": "1"},
            "max": {"memory": "1Gi"},
            "maxLimitRequestRatio": {"memory": "1500m"},
        },
        {"type": "Pod", "max": {"memory": "2Gi"}},
        {"type": "Container", "max": {"cpu": "4"}},
        {"type": "Container", "max": {"memory": "nonsense"}, "min": {"memory": 64 * MI}},
    ]
    found = project_limit_range(raw(spec={"limits": limits}))

    assert found == LimitRange(
        "u1", "shop", (LimitRule("mem", 64 * MI, 1024 * MI, 1.5), LimitRule("mem", 64 * MI)), resource_version="7"
    )


def test_of_a_quota_what_is_left_counts_and_it_may_be_negative() -> None:
    hard = {"limits.memory": "1Gi", "requests.memory": "512Mi", "memory": "256Mi", "pods": "9"}
    used = {"limits.memory": "768Mi", "requests.memory": "300Mi", "memory": "300Mi"}

    assert project_resource_quota(raw(status={"hard": hard, "used": used})).rule == QuotaRule("mem", 256 * MI, -44 * MI)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": {"hard": {"pods": "9"}, "used": {"pods": "3"}}},
        {"status": {"hard": {"limits.memory": "1Gi"}}},
        {"spec": {"scopes": ["BestEffort"]}, "status": {"hard": {"limits.memory": "1Gi"}, "used": {"limits.memory": "0"}}},
        {"spec": {"scopeSelector": {"x": []}}, "status": {"hard": {"limits.memory": "1Gi"}, "used": {"limits.memory": "0"}}},
    ],
    ids=["empty", "of pods", "use unknown", "scopes", "scopeSelector"],
)
def test_of_a_quota_that_bounds_other_things_or_pods_we_cannot_tell_nothing_is_said(fields: dict[str, Any]) -> None:
    assert project_resource_quota(raw(**fields)).rule is None


def test_an_autoscaler_goes_by_memory_when_a_metric_is_memory_relative_to_the_request() -> None:
    by_memory = {"type": "Resource", "resource": {"name": "memory", "targetAverageUtilization": 80}}
    of_container = {
        "type": "ContainerResource",
        "containerResource": {"name": "memory", "container": "app", "targetAverageUtilization": 70},
    }
    absolute = {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "500Mi"}}
    other = {"type": "Pods", "pods": {"metricName": "queue", "targetAverageValue": "5"}}

    assert [scaler(each).by_memory for each in (by_memory, of_container, absolute, other)] == [True, True, False, False]
    assert scaler(other, by_memory).by_memory
    assert not scaler(text="{").by_memory
    assert not project_autoscaler(raw(spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}})).by_memory


def test_bounds_are_those_of_the_pods_own_namespace_as_they_come_and_go() -> None:
    limit_ranges, quotas, autoscalers = Store[LimitRange](), Store[ResourceQuota](), Store[Autoscaler]()
    quotas.upsert(ResourceQuota("q0", "shop", QuotaRule("early", 1)))
    bounds = Constraints(limit_ranges, quotas, autoscalers)
    limit_ranges.upsert(LimitRange("l1", "shop", (LimitRule("mem", 1),)))
    quotas.upsert(ResourceQuota("q1", "other", QuotaRule("elsewhere", 1)))
    autoscalers.upsert(Autoscaler("a1", "shop", "scaler", "Deployment", "web", by_memory=True))

    assert bounds.limit_rules("shop") == (LimitRule("mem", 1),)
    assert [quota.name for quota in bounds.quotas("shop")] == ["early"]
    assert bounds.autoscaler("shop", WEB) == "scaler"
    assert bounds.autoscaler("other", WEB) is None
    assert bounds.autoscaler("shop", None) is None
    autoscalers.upsert(Autoscaler("a1", "shop", "scaler", "Deployment", "web", by_memory=False, resource_version="2"))
    limit_ranges.delete("l1")
    assert bounds.limit_rules("shop") == ()
    assert bounds.autoscaler("shop", WEB) is None


@pytest.mark.parametrize("project", PROJECTIONS)
@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode()))
def test_garbage_is_malformed_and_nothing_worse(project: Callable[[bytes], Any], garbage: bytes) -> None:
    with pytest.raises(MalformedObjectError):
        project(garbage)
