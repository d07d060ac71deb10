"""An operator is stopped before its marks are removed, and one that cannot be stopped is told with what to do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.oomsight_operator.publishing.builders import MemoryApi
from tests.oomsight_operator.publishing.embedded import Cluster, a_cluster

from oomsight_operator.kube.client import MERGE_PATCH
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.retirement import RetirementError, stop_deployment
from oomsight_sandbox.apiserver import FailureRule

LABELS = {"app": "operator"}
PODS = "/api/v1/namespaces/shop/pods"


async def no_wait(_: float) -> None:
    await asyncio.sleep(0)


async def deployed(cluster: Cluster) -> None:
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "operator"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "app", "image": "x"}]}},
        },
    }
    await cluster.client.request("POST", "/apis/apps/v1/namespaces/shop/deployments", body=body)
    cluster.add_pod("operator-0", labels=LABELS)
    cluster.add_pod("web-0", labels={"app": "web"})


async def replicas(cluster: Cluster) -> int:
    return int((await cluster.get("/apis/apps/v1/namespaces/shop/deployments/operator"))["spec"]["replicas"])


async def test_it_is_scaled_to_zero_and_waited_for() -> None:
    async with a_cluster() as cluster:
        await deployed(cluster)
        looks = 0

        async def the_pod_ends_at_the_third_look(_: float) -> None:
            nonlocal looks
            looks += 1
            assert await replicas(cluster) == 0
            if looks == 3:
                await cluster.client.request("DELETE", f"{PODS}/operator-0", params={"gracePeriodSeconds": "0"})

        await stop_deployment(cluster.client, "shop", "operator", sleep=the_pod_ends_at_the_third_look)
        assert looks == 3
        assert [pod["metadata"]["name"] for pod in (await cluster.get(PODS))["items"]] == ["web-0"]


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
async def test_a_pod_that_was_evicted_once_and_still_lies_there_is_not_waited_for(phase: str) -> None:
    async with a_cluster() as cluster:
        await deployed(cluster)
        status = {"status": {"phase": phase, "reason": "Evicted"}}
        await cluster.client.request("PATCH", f"{PODS}/operator-0/status", body=status, content_type=MERGE_PATCH)
        await stop_deployment(cluster.client, "shop", "operator", sleep=no_wait)
        assert await replicas(cluster) == 0


async def test_one_that_is_not_there_needs_no_stopping() -> None:
    async with a_cluster() as cluster:
        await stop_deployment(cluster.client, "shop", "operator", sleep=no_wait)


async def test_an_api_server_with_hiccups_is_asked_again() -> None:
    async with a_cluster() as cluster:
        await deployed(cluster)
        await cluster.client.request("DELETE", f"{PODS}/operator-0", params={"gracePeriodSeconds": "0"})
        cluster.server.faults.fail(FailureRule(status=503, verb="patch", resource="deployments/scale", times=2))
        cluster.server.faults.fail(FailureRule(status=429, verb="list", resource="pods", times=2, retry_after_seconds=1))
        await stop_deployment(cluster.client, "shop", "operator", sleep=no_wait)
        assert await replicas(cluster) == 0


async def test_a_pod_that_does_not_end_is_named_with_what_to_type() -> None:
    async with a_cluster() as cluster:
        await deployed(cluster)
        with pytest.raises(
            RetirementError, match=r"pod shop/operator-0 .* after 120 s .* kubectl -n shop delete pod operator-0 --force"
        ):
            await stop_deployment(cluster.client, "shop", "operator", sleep=no_wait)


@pytest.mark.parametrize(
    ("verb", "resource", "told"),
    [
        ("patch", "deployments/scale", "could not be scaled to zero: forbidden to patch deployments/scale"),
        ("list", "pods", "could not be listed: forbidden to list pods"),
    ],
)
async def test_a_missing_right_is_told_at_once(verb: str, resource: str, told: str) -> None:
    async with a_cluster() as cluster:
        await deployed(cluster)
        cluster.server.faults.fail(FailureRule(status=403, verb=verb, resource=resource, times=100, message="no"))
        with pytest.raises(RetirementError, match=f"Deployment shop/operator.*{told}"):
            await stop_deployment(cluster.client, "shop", "operator", sleep=no_wait)
        assert cluster.server.requests.count(verb, resource) == 1


@pytest.mark.parametrize("answer", [{}, {"status": None}, {"status": {"selector": ""}}, {"status": "x"}])
async def test_without_a_selector_no_pod_is_taken_for_the_operators(answer: dict[str, Any]) -> None:
    class Odd(MemoryApi):
        async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
            if method != "PATCH":
                raise ApiError(500, "Internal", "asked for pods without a selector")
            return answer

    with pytest.raises(RetirementError, match=r"no status\.selector"):
        await stop_deployment(Odd(), "shop", "operator", sleep=no_wait)
