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
from oomsight_operator.judgement.recommend.surroundings import LimitRule, QuotaRule, QuotaScope, ScaledBy
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


def test_of_a_limit_range_what_bounds_the_memory_of_containers_and_pods_is_kept() -> None:
    """Defaults fill in what a container does not say, and bound nothing."""
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
        {"type": "Container", "default": {"memory": "128Mi"}, "defaultRequest": {"memory": "64Mi"}},
        {"type": "PersistentVolumeClaim", "max": {"memory": "1Gi"}},
    ]
    found = project_limit_range(raw(spec={"limits": limits}))

    per_container = (LimitRule("mem", 64 * MI, 1024 * MI, 1.5), LimitRule("mem", 64 * MI))
    of_pods = LimitRule("mem", max_bytes=2048 * MI, of_pod=True)
    assert found == LimitRange("u1", "shop", (per_container[0], of_pods, per_container[1]), resource_version="7")


def test_of_a_quota_what_is_left_counts_and_it_may_be_negative() -> None:
    hard = {"limits.memory": "1Gi", "requests.memory": "512Mi", "memory": "256Mi", "pods": "9"}
    used = {"limits.memory": "768Mi", "requests.memory": "300Mi", "memory": "300Mi"}

    found = project_resource_quota(raw(status={"hard": hard, "used": used})).rule
    assert found == QuotaRule("mem", 256 * MI, -44 * MI, demands=("limits.memory", "requests.memory"))


def test_which_pods_a_quota_counts_is_kept_in_whichever_way_it_was_said() -> None:
    selector = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high", "low"]}]}
    status = {"hard": {"cpu": "4", "limits.memory": "1Gi"}, "used": {"limits.memory": "0"}}
    found = project_resource_quota(raw(spec={"scopes": ["NotBestEffort"], "scopeSelector": selector}, status=status)).rule

    assert found is not None
    assert found.scopes == (QuotaScope("NotBestEffort"), QuotaScope("PriorityClass", "In", ("high", "low")))
    assert found.demands == ("limits.memory", "requests.cpu")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": {"hard": {"pods": "9"}, "used": {"pods": "3"}}},
        {"spec": {"scopes": ["BestEffort"]}, "status": {"hard": {"pods": "9"}, "used": {"pods": "9"}}},
    ],
    ids=["empty", "of pods", "of BestEffort pods"],
)
def test_of_a_quota_that_bounds_other_things_nothing_is_said(fields: dict[str, Any]) -> None:
    assert project_resource_quota(raw(**fields)).rule is None


def test_of_a_quota_of_unknown_use_nothing_is_known_to_be_left() -> None:
    found = project_resource_quota(raw(status={"hard": {"limits.memory": "1Gi"}})).rule

    assert found is not None
    assert (found.limits_left_bytes, found.requests_left_bytes) == (None, None)


def test_an_autoscaler_goes_by_memory_when_a_metric_is_memory_relative_to_the_request() -> None:
    """The annotation as API servers write it; KEDA's trigger of type memory makes the same metrics."""
    by_memory = {"type": "Resource", "resource": {"name": "memory", "targetAverageUtilization": 80}}
    of_container = {
        "type": "ContainerResource",
        "containerResource": {"name": "memory", "targetAverageUtilization": 70, "container": "app"},
    }
    absolute = {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "500Mi"}}
    other = {"type": "External", "external": {"metricName": "s0-kafka", "targetAverageValue": "5"}}
    told = [scaler(each).of_containers for each in (by_memory, of_container, absolute, other)]

    assert told == [(None,), ("app",), (), ()]
    assert scaler(other, by_memory, of_container).of_containers == (None, "app")
    assert scaler(text="{").of_containers == ()
    assert project_autoscaler(raw(spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}})).of_containers == ()


def test_bounds_are_those_of_the_pods_own_namespace_as_they_come_and_go() -> None:
    limit_ranges, quotas, autoscalers = Store[LimitRange](), Store[ResourceQuota](), Store[Autoscaler]()
    quotas.upsert(ResourceQuota("q0", "shop", QuotaRule("early", 1)))
    bounds = Constraints(limit_ranges, quotas, autoscalers)
    limit_ranges.upsert(LimitRange("l1", "shop", (LimitRule("mem", 1),)))
    quotas.upsert(ResourceQuota("q1", "other", QuotaRule("elsewhere", 1)))
    autoscalers.upsert(Autoscaler("a1", "shop", "scaler", "Deployment", "web", of_containers=(None, "app")))

    assert bounds.limit_rules("shop") == (LimitRule("mem", 1),)
    assert [quota.name for quota in bounds.quotas("shop")] == ["early"]
    assert bounds.autoscalers("shop", WEB) == (ScaledBy("scaler"), ScaledBy("scaler", "app"))
    assert bounds.autoscalers("other", WEB) == ()
    assert bounds.autoscalers("shop", None) == ()
    autoscalers.upsert(Autoscaler("a1", "shop", "scaler", "Deployment", "web", of_containers=(), resource_version="2"))
    limit_ranges.delete("l1")
    assert bounds.limit_rules("shop") == ()
    assert bounds.autoscalers("shop", WEB) == ()


@pytest.mark.parametrize("project", PROJECTIONS)
@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode()))
def test_garbage_is_malformed_and_nothing_worse(project: Callable[[bytes], Any], garbage: bytes) -> None:
    with pytest.raises(MalformedObjectError):
        project(garbage)
