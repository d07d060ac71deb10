"""`kubectl get memrec` with the real kubectl: the answer at a glance, on a terminal of ordinary width."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from oomsight_api.recommendation import Summary
from oomsight_sandbox.apiserver import ApiServer
from oomsight_sandbox.kubectl import Kubectl

DEFINITION = Path(__file__).parents[2] / "crds/oomsight.dev_memoryrecommendations.yaml"


def recommendation(kind: str, name: str, **summary: Any) -> dict[str, Any]:
    told = Summary.model_validate({"workload": f"{kind}/{name}", "container": "app", "confidence": "medium", **summary})
    target = {"apiVersion": "apps/v1", "kind": kind, "name": name}
    return {
        "apiVersion": "oomsight.dev/v1alpha1",
        "kind": "MemoryRecommendation",
        "metadata": {"name": f"{kind.lower()}-{name}", "namespace": "shop"},
        "spec": {"targetRef": target},
        "status": {
            "summary": told.model_dump(mode="json", by_alias=True, exclude_none=True),
            "policy": "MemoryPolicy shop/default",
        },
    }


OBJECTS = [
    recommendation("Deployment", "checkout", currentLimit="512Mi", recommendedLimit="640Mi", reason="OOMKilled", oomKills=12),
    recommendation("StatefulSet", "db", container="postgres", currentLimit="8Gi", recommendedLimit="8Gi", reason="NearLimit"),
    recommendation(
        "CronJob", "nightly", recommendedLimit="1536Mi", reason="UsageObserved", recommendedRequest="1Gi", confidence="low"
    ),
]


async def printed(directory: Path, *arguments: str) -> list[str]:
    async with ApiServer() as server:
        server.load([yaml.safe_load(DEFINITION.read_text()), *OBJECTS])
        server.write_kubeconfig(directory / "kubeconfig")
        kubectl = Kubectl(str(directory / "kubeconfig"), str(directory / "cache"))
        return (await kubectl.run("get", "memrec", "-n", "shop", *arguments)).splitlines()


async def test_workload_container_limit_and_recommendation_reason_kills_and_confidence_fit_120_columns(tmp_path: Path) -> None:
    header, *rows = await printed(tmp_path)

    assert header.split() == ["NAME", "WORKLOAD", "CONTAINER", "LIMIT", "RECOMMENDED", "REASON", "KILLS", "CONFIDENCE"]
    edges = [*map(header.index, header.split()[1:]), None]
    cells = {row.split()[0]: [row[start:end].strip() for start, end in pairwise(edges)] for row in rows}
    assert cells == {
        "deployment-checkout": ["Deployment/checkout", "app", "512Mi", "640Mi", "OOMKilled", "12", "medium"],
        "statefulset-db": ["StatefulSet/db", "postgres", "8Gi", "8Gi", "NearLimit", "0", "medium"],
        "cronjob-nightly": ["CronJob/nightly", "app", "", "1536Mi", "UsageObserved", "0", "low"],
    }, "kubectl leaves a column of a custom resource empty where nothing is set"
    assert max(map(len, (header, *rows))) <= 120


async def test_wide_tells_the_rest(tmp_path: Path) -> None:
    header, *rows = await printed(tmp_path, "-o", "wide")

    assert all(word in header for word in ("AGE", "REQUEST", "RECOMMENDED REQUEST", "POLICY"))
    nightly = next(row for row in rows if row.startswith("cronjob-nightly"))
    assert "1Gi" in nightly
    assert "MemoryPolicy shop/default" in nightly
