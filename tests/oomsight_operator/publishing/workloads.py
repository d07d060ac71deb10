"""A workload's replicas as they are judged, and what stands in its MemoryRecommendation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.oomsight_operator.publishing.builders import (
    MI,
    MemoryApi,
    Stage,
    a_container,
    a_pod,
    a_recommendation,
    an_assessment,
)

from oomsight_api.names import RiskLevel
from oomsight_api.policy import RecommendationSpec
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import ContainerHistory, Owner, PodHistory
from oomsight_operator.judgement.recommend.state import State

WEB = Owner("apps/v1", "Deployment", "web", "uid-web")
PATH = "/apis/oomsight.dev/v1alpha1/namespaces/shop/memoryrecommendations/deployment-web"


def say(
    stage: Stage,
    uid: str = "uid-1",
    *,
    limit_mi: int | None = 128,
    kills: tuple[Kill, ...] = (),
    workload: Owner | None = WEB,
    peak_mi: int = 10,
    learned: State | None = None,
    mode: str = "Always",
    phase: str = "Running",
    labels: Mapping[str, str] | None = None,
    namespace: str = "shop",
    level: RiskLevel = RiskLevel.LOW,
) -> None:
    """A replica is judged: what it recommends, its new kills, and what was learned of its workload."""
    pod = replace(a_pod(uid=uid, name=f"web-{uid}", namespace=namespace), phase=phase, labels=labels or {})
    recommendation = a_recommendation(limit_mi) if limit_mi else None
    container = a_container(level, recommendation=recommendation, new_kills=kills, learned=learned)
    history = PodHistory({"app": ContainerHistory(level=level, peak_bytes=peak_mi * MI)})
    assessment = an_assessment(level, container, pod_uid=uid, annotations="None", events="Disabled")
    rules = assessment.policy.rules.model_copy(update={"recommendation": RecommendationSpec.model_validate({"mode": mode})})
    assessment = replace(assessment, policy=replace(assessment.policy, rules=rules))
    stage.publisher.offer(pod, assessment, workload, history)


def status_writes(api: MemoryApi) -> list[dict[str, Any]]:
    return [each.body["status"] for each in api.writes("PATCH", "/status")]


def limit_of(api: MemoryApi) -> str:
    limit = api.objects[PATH]["status"]["containers"][0]["recommendedLimit"]
    assert isinstance(limit, str)
    return limit
