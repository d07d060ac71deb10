"""After `oomsight-operator cleanup` nothing of oomsight is left, and nothing else is touched."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from tests.oomsight_operator.publishing.builders import MemoryApi, a_pod
from tests.oomsight_operator.publishing.embedded import Cluster, a_cluster

from oomsight_api.names import RISK_LABEL, Annotation
from oomsight_operator.cleanup import cleanup
from oomsight_operator.kube.errors import ApiError
from oomsight_sandbox.apiserver import FailureRule

RECOMMENDATIONS = "/apis/oomsight.dev/v1alpha1/namespaces/shop/memoryrecommendations"
OURS = {Annotation.OOM_RISK.value: "high", Annotation.SUMMARY.value: "lines", "oomsight.dev/of-an-old-version": "x"}


async def no_wait(_: float) -> None:
    await asyncio.sleep(0)


async def annotated(cluster: Cluster, count: int) -> None:
    for number in range(count):
        cluster.add_pod(f"web-{number}", annotations={**OURS, "team": "a"}, labels={"app": "web", RISK_LABEL: "high"})


async def recommended(cluster: Cluster, name: str) -> None:
    body = {
        "apiVersion": "oomsight.dev/v1alpha1",
        "kind": "MemoryRecommendation",
        "metadata": {"name": name},
        "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}},
    }
    await cluster.client.request("POST", RECOMMENDATIONS, body=body)


async def test_a_thousand_pods_are_cleaned_and_keep_what_is_theirs(caplog: pytest.LogCaptureFixture) -> None:
    async with a_cluster() as cluster:
        await annotated(cluster, 1000)
        for number in range(300):
            cluster.add_pod(f"other-{number}", annotations={"team": "b"}, labels={"app": "other"})
        await recommended(cluster, "web")
        await recommended(cluster, "db")
        with caplog.at_level(logging.INFO):
            result = await cleanup(cluster.client)
        assert (result.pods_seen, result.pods_cleaned, result.recommendations_deleted) == (1300, 1000, 2)
        assert (result.failed, result.exit_code) == (0, 0)
        pods = (await cluster.get("/api/v1/pods"))["items"]
        assert not [pod for pod in pods if any(key.startswith("oomsight.dev/") for key in pod["metadata"].get("annotations", {}))]
        assert {pod["metadata"]["annotations"]["team"] for pod in pods} == {"a", "b"}
        assert {tuple(pod["metadata"]["labels"]) for pod in pods} == {("app",)}
        assert (await cluster.get(RECOMMENDATIONS))["items"] == []
        assert cluster.server.requests.count("patch", "pods") == 1000, "pods without our marks are not written"
    progress = [record.message for record in caplog.records if record.message.startswith("cleaning pods: ")]
    assert [line.split(",")[0] for line in progress] == [f"cleaning pods: {seen} pods seen" for seen in range(100, 1301, 100)]
    assert "nothing of oomsight is left" in result.summary()


async def test_the_policy_that_is_named_goes_and_the_admins_own_stay() -> None:
    path = "/apis/oomsight.dev/v1alpha1/clustermemorypolicies"
    async with a_cluster() as cluster:
        for name in ("oomsight-default", "ours"):
            body = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "ClusterMemoryPolicy", "metadata": {"name": name}}
            await cluster.client.request("POST", path, body={**body, "spec": {"defaults": {}}})
        assert (await cleanup(cluster.client, policy="oomsight-default")).exit_code == 0
        assert (await cleanup(cluster.client, policy="oomsight-default")).exit_code == 0, "one that is gone is no failure"
        assert [item["metadata"]["name"] for item in (await cluster.get(path))["items"]] == ["ours"]


async def test_a_second_run_finds_nothing_to_do() -> None:
    async with a_cluster() as cluster:
        await annotated(cluster, 3)
        await cleanup(cluster.client)
        result = await cleanup(cluster.client)
    assert (result.pods_cleaned, result.recommendations_deleted, result.exit_code) == (0, 0, 0)


async def test_what_stays_is_named_and_the_exit_code_says_so() -> None:
    async with a_cluster() as cluster:
        await annotated(cluster, 3)
        rule = FailureRule(status=403, verb="patch", resource="pods", name="web-1", times=100, message="no right to do that")
        cluster.server.faults.fail(rule)
        result = await cleanup(cluster.client, sleep=no_wait)
    assert (result.pods_cleaned, result.failed, result.exit_code) == (2, 1, 1)
    assert result.errors[0].startswith("pod shop/web-1: ")
    assert "1 could not be cleaned" in result.summary()


async def test_an_api_server_with_hiccups_is_cleaned_all_the_same() -> None:
    async with a_cluster() as cluster:
        await annotated(cluster, 20)
        cluster.server.faults.fail(FailureRule(status=429, verb="patch", resource="pods", times=8, retry_after_seconds=1))
        cluster.server.faults.fail(FailureRule(status=503, verb="list", resource="pods", times=2))
        cluster.server.faults.fail(FailureRule(verb="patch", resource="pods", times=2, disconnect=True))
        result = await cleanup(cluster.client, sleep=no_wait)
    assert (result.pods_cleaned, result.exit_code) == (20, 0)


async def test_a_list_that_expires_while_it_is_paged_begins_anew() -> None:
    async with a_cluster() as cluster:
        await annotated(cluster, 700)
        expired = False

        class Expiring:
            async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
                nonlocal expired
                if not expired and "continue" in (more.get("params") or {}):
                    expired = True
                    cluster.server.faults.expire_continue_tokens()
                return await cluster.client.request(method, path, **more)

        result = await cleanup(Expiring())
        assert expired
    assert (result.pods_cleaned, result.exit_code) == (700, 0)


async def test_without_the_right_to_list_nothing_is_claimed_to_be_clean() -> None:
    async with a_cluster() as cluster:
        cluster.server.faults.fail(FailureRule(status=403, verb="list", resource="pods", times=10))
        result = await cleanup(cluster.client, sleep=no_wait)
    assert result.exit_code == 1
    assert result.errors[0].startswith("the list of pods: ")


async def test_a_cluster_where_oomsight_was_never_installed_is_clean() -> None:
    api = MemoryApi()
    result = await cleanup(api)  # every list answers 404
    assert (result.pods_seen, result.exit_code) == (0, 0)


async def test_a_pod_that_is_made_anew_meanwhile_needs_no_cleaning() -> None:
    class Stale(MemoryApi):
        async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
            if method == "GET" and path == "/api/v1/pods":
                old = {"metadata": {"name": "web-0", "namespace": "shop", "uid": "old", "annotations": OURS}}
                return {"items": [old, None, {"metadata": "x"}], "metadata": {}}
            return await super().request(method, path, **more)

    api = Stale()
    api.add_pod(a_pod(uid="new"))
    result = await cleanup(api)
    assert (result.pods_cleaned, result.failed) == (0, 0)


async def test_only_the_first_failures_are_named_and_all_are_counted() -> None:
    class Refusing(MemoryApi):
        async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
            if method == "GET" and path == "/api/v1/pods":
                pods = [
                    {"metadata": {"name": f"p{n}", "namespace": "shop", "uid": f"{n}", "annotations": OURS}} for n in range(100)
                ]
                return {"items": pods, "metadata": {}}
            if method == "PATCH":
                raise ApiError(403, "Forbidden", "no")
            return await super().request(method, path, **more)

    result = await cleanup(Refusing())
    assert (result.failed, len(result.errors)) == (100, 20)


async def test_the_lease_goes_as_well_and_where_there_is_none_nothing_fails() -> None:
    async with a_cluster() as cluster:
        leases = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
        metadata = {"name": "oomsight-operator"}
        await cluster.client.request(
            "POST", leases, body={"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
        )
        for _ in range(2):
            result = await cleanup(cluster.client, ("shop", "oomsight-operator"))
            assert (result.failed, result.exit_code) == (0, 0)
        assert (await cluster.get(leases))["items"] == []
