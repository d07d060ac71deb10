from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.oomsight_operator.publishing.builders import a_pod, an_assessment
from tests.oomsight_operator.small_cluster import POLICY, SmallCluster, small_cluster

from oomsight_api.kinds import MEMORY_RECOMMENDATION
from oomsight_api.names import RiskLevel
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.service import Service
from oomsight_operator.settings import Settings
from oomsight_sandbox.apiserver import FailureRule

CONTAINER = "c" * 64


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[SmallCluster]:
    async with small_cluster() as found:
        yield found


async def test_a_pod_near_its_limit_is_annotated_and_the_policy_says_so(cluster: SmallCluster) -> None:
    await cluster.make_policy()
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    cluster.agent.say(uid, CONTAINER, unreclaimable_mib=500)
    async with cluster.operator(policy_status_interval_seconds=0):
        found = await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "critical")
        assert found["policy"] == "ClusterMemoryPolicy all"
        assert "NearLimit" in found["oom-risk-reasons"]
        policy = await cluster.client.request("GET", f"{POLICY}/all")
        async with asyncio.timeout(20):
            while policy.get("status", {}).get("matchedPods") != 2:
                await asyncio.sleep(0.02)
                policy = await cluster.client.request("GET", f"{POLICY}/all")
        assert policy["status"]["worst"][0]["pod"] == "web"
        assert "finalizers" not in policy["metadata"]
        assert "annotations" not in policy["metadata"]


async def test_a_part_that_fails_while_the_operator_starts_is_told_and_not_waited_for(
    cluster: SmallCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("oomsight_operator.service.project_namespace", broken)
    service = Service(Settings(namespace="oomsight-system"), cluster.credentials, cluster.client, OperatorMetrics())
    start = asyncio.create_task(service.start())
    async with asyncio.timeout(20):
        assert await service.wait() == "informer of namespaces ended"
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]
    start.cancel()
    await asyncio.gather(start, return_exceptions=True)
    await service.stop(0.0)


async def test_a_prometheus_that_is_not_there_keeps_the_operator_neither_from_working_nor_from_ending(
    cluster: SmallCluster,
) -> None:
    await cluster.make_policy(defaults={"recommendation": {"mode": "Always"}})
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    cluster.agent.say(uid, CONTAINER, unreclaimable_mib=500)
    async with cluster.operator(prometheus_url="http://127.0.0.1:1") as service:
        await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "critical")
        assert list(service.problems()) == []


async def test_without_a_policy_nothing_is_written(cluster: SmallCluster) -> None:
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    cluster.agent.say(uid, CONTAINER, unreclaimable_mib=500)
    async with cluster.operator() as service:
        await service.engine.idle()
        assert await service.publisher.drain(5)
        await cluster.make_policy()
        await cluster.until("web", lambda annotations: "oom-risk" in annotations)
        await cluster.client.request("DELETE", f"{POLICY}/all")
        await cluster.until("web", lambda annotations: not annotations)


async def test_a_policy_deleted_behind_a_broken_watch_is_noticed(cluster: SmallCluster) -> None:
    await cluster.make_policy()
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    cluster.agent.say(uid, CONTAINER, unreclaimable_mib=500)
    async with cluster.operator(policy_resync_seconds=0.2) as service:
        await cluster.until("web", lambda annotations: "oom-risk" in annotations)
        # As if kopf had missed the deletion: the store still has what the API has not.
        ghost = next(iter(service.policies.known()))
        await cluster.client.request("DELETE", f"{POLICY}/all")
        await cluster.until("web", lambda annotations: not annotations)
        assert ghost not in service.policies.known()


async def test_a_silent_agent_makes_its_pods_unknown_and_back(cluster: SmallCluster) -> None:
    await cluster.make_policy()
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    cluster.agent.say(uid, CONTAINER, unreclaimable_mib=100)
    async with cluster.operator(agent_stale_seconds=1.0, pod_interval_seconds=0):
        await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "none")
        cluster.agent.silent = True
        await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "unknown")
        cluster.agent.silent = False
        cluster.agent.instance = "i2"
        await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "none")


async def test_a_report_that_claims_to_be_of_another_node_is_not_believed(cluster: SmallCluster) -> None:
    await cluster.make_policy()
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    cluster.agent.say(uid, CONTAINER, unreclaimable_mib=500)
    cluster.agent.claims_node = "node-b"
    async with cluster.operator(agent_stale_seconds=1.0) as service:
        found = await cluster.until("web", lambda annotations: "oom-risk" in annotations)
        assert found["oom-risk"] == "unknown"
        assert len(service.telemetry) == 0


async def test_a_pod_made_anew_under_its_name_is_judged_by_its_own_rows(cluster: SmallCluster) -> None:
    await cluster.make_policy()
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    cluster.agent.say(uid, CONTAINER, unreclaimable_mib=500)
    async with cluster.operator():
        await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "critical")
        await cluster.client.request("DELETE", "/api/v1/namespaces/shop/pods/web", params={"gracePeriodSeconds": "0"})
        uid = await cluster.make_pod("web", container_id="d" * 64)
        cluster.agent.say(uid, "d" * 64, unreclaimable_mib=100)
        await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "none")


async def test_an_api_server_that_restarts_and_forgets_its_history_changes_nothing_for_users(cluster: SmallCluster) -> None:
    await cluster.make_policy()
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    cluster.agent.say(uid, CONTAINER, unreclaimable_mib=500)
    async with cluster.operator():
        await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "critical")
        cluster.server.faults.expire_watches()
        await cluster.server.faults.restart()
        uid = await cluster.make_pod("late", container_id="e" * 64)
        cluster.agent.say(uid, "e" * 64, unreclaimable_mib=480)
        await cluster.until("late", lambda annotations: annotations.get("oom-risk") == "high")


async def test_a_restarted_operator_writes_nothing_that_stands_there_already(cluster: SmallCluster) -> None:
    await cluster.make_policy()
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    cluster.agent.say(uid, CONTAINER, unreclaimable_mib=500)
    path = "/api/v1/namespaces/shop/pods/web"
    async with cluster.operator():
        await cluster.until("web", lambda annotations: annotations.get("oom-risk") == "critical")
    before = (await cluster.client.request("GET", path))["metadata"]["resourceVersion"]
    async with cluster.operator() as service:
        async with asyncio.timeout(20):
            while not service.engine.judged:  # noqa: ASYNC110 - a count
                await asyncio.sleep(0.02)
        assert await service.publisher.drain(5)
    assert (await cluster.client.request("GET", path))["metadata"]["resourceVersion"] == before


async def test_an_api_server_with_hiccups_at_the_start_does_not_make_the_operator_forget(cluster: SmallCluster) -> None:
    await cluster.make_policy()
    uid = await cluster.make_pod("web", container_id=CONTAINER)
    path = MEMORY_RECOMMENDATION.path("shop")
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "web", "uid": uid}
    body = {
        "apiVersion": "oomsight.dev/v1alpha1",
        "kind": "MemoryRecommendation",
        "metadata": {"name": "pod-web", "ownerReferences": [reference]},
        "spec": {"targetRef": {key: reference[key] for key in ("apiVersion", "kind", "name")}},
    }
    await cluster.client.request("POST", path, body=body)
    cluster.server.faults.fail(FailureRule(status=503, verb="list", resource="memoryrecommendations", times=2))
    async with cluster.operator() as service:
        assert len(service.publisher._recommendations) == 1
    assert cluster.server.requests.count("list", "memoryrecommendations") == 3


async def test_a_definition_that_cannot_be_listed_is_no_reason_not_to_work(
    cluster: SmallCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.server.faults.fail(FailureRule(status=403, verb="list", resource="memoryrecommendations", times=100))
    async with cluster.operator() as service:
        assert service.working
    assert "starting without history" in caplog.text
    assert cluster.server.requests.count("list", "memoryrecommendations") == 1


async def test_who_lost_the_lease_writes_nothing_while_the_rest_ends(cluster: SmallCluster) -> None:
    service = Service(Settings(namespace="oomsight-system"), cluster.credentials, cluster.client, OperatorMetrics())
    pod = a_pod(uid=await cluster.make_pod("web"), name="web")

    async def judge_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            service.publisher.offer(pod, an_assessment(RiskLevel.HIGH, pod_uid=pod.uid))
            await service.publisher.drain(0.2)

    service._spawn("engine", judge_on())
    service._spawn("publisher", service.publisher.run())
    await asyncio.sleep(0)
    before = cluster.server.requests.writes()
    await service.stop(0.0)
    assert cluster.server.requests.writes() == before


async def test_a_pod_whose_init_container_is_done_is_first_told_when_its_app_is_measured(cluster: SmallCluster) -> None:
    """Told as unknown in between, it would stay so until its next patch is due, five minutes later."""
    await cluster.make_policy()
    path = "/api/v1/namespaces/shop/pods"
    spec = {"nodeName": "node-a", "initContainers": [{"name": "init", "image": "x"}], "containers": [{"name": "app", "image": "x"}]}
    pod = await cluster.client.request("POST", path, body={"metadata": {"name": "web"}, "spec": spec})
    uid, init_id = str(pod["metadata"]["uid"]), "d" * 64
    done = {"exitCode": 0, "reason": "Completed", "containerID": f"containerd://{init_id}"}
    common = {"image": "x", "imageID": "x", "ready": True, "restartCount": 0}
    init = {"name": "init", **common, "state": {"terminated": done}, "containerID": f"containerd://{init_id}"}
    waiting = {"name": "app", **common, "ready": False, "state": {"waiting": {"reason": "PodInitializing"}}}
    running = {
        "name": "app",
        **common,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        "containerID": f"containerd://{CONTAINER}",
    }
    cluster.agent.say(uid, init_id, unreclaimable_mib=5)

    async def tell(phase: str, app: dict[str, object]) -> None:
        status = {"phase": phase, "podIP": "10.0.0.9", "initContainerStatuses": [init], "containerStatuses": [app]}
        await cluster.client.request(
            "PATCH", f"{path}/web/status", body={"status": status}, content_type="application/merge-patch+json"
        )

    await tell("Pending", waiting)
    async with cluster.operator(settle_seconds=1) as service:
        async with asyncio.timeout(20):
            while service.engine.judged < 2:  # noqa: ASYNC110 - the agent's pod, and ours when its time to settle is over
                await asyncio.sleep(0.02)
        await tell("Running", running)
        await service.engine.idle()
        assert await service.publisher.drain(5)
        assert await cluster.annotations("web") == {}
        cluster.agent.say(uid, CONTAINER, unreclaimable_mib=100)
        found = await cluster.until("web", lambda annotations: "oom-risk" in annotations)
    assert found["oom-risk"] in ("none", "low")
