"""The whole of publishing against the embedded API server: what a cluster accepts, refuses and shows."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from tests.oomsight_operator.publishing.builders import a_container, a_kill, a_recommendation, an_assessment
from tests.oomsight_operator.publishing.embedded import Cluster, a_cluster

from oomsight_api.names import RISK_LABEL, Annotation, RiskLevel
from oomsight_api.parse import parse_policy
from oomsight_operator.judgement.model import Assessment, Owner, Pod, PolicyRef
from oomsight_operator.publishing.publisher import Publisher
from oomsight_sandbox.apiserver import FailureRule

POLICIES = "/apis/oomsight.dev/v1alpha1/namespaces/shop/memorypolicies"
RECOMMENDATIONS = "/apis/oomsight.dev/v1alpha1/namespaces/shop/memoryrecommendations"
SHOP = PolicyRef("MemoryPolicy", "shop-memory", "shop")


def killed(pod: Pod, run: int = 1, *, events: str = "Enabled", label: str = "Disabled") -> Assessment:
    kill = a_kill(at=time.time() - 1, container_id=f"{run:064x}")
    container = a_container(RiskLevel.HIGH, new_kills=(kill,), recommendation=a_recommendation(128))
    return an_assessment(RiskLevel.HIGH, container, pod_uid=pod.uid, policy=SHOP, at=time.time(), events=events, riskLabel=label)


async def rest(publisher: Publisher) -> None:
    assert await publisher.drain(20), "the publisher did not come to rest"


async def core_events(cluster: Cluster) -> list[dict[str, Any]]:
    items = (await cluster.get("/api/v1/namespaces/shop/events"))["items"]
    return [event for event in items if event["reason"] == "OOMKilled"]


async def test_a_killed_pod_is_annotated_told_by_an_event_and_recommended_for() -> None:
    async with a_cluster() as cluster, cluster.publisher() as publisher:
        pod = cluster.add_pod("web-0", annotations={"team": "a"}, labels={"app": "web"})
        publisher.offer(pod, killed(pod, label="Enabled"), Owner("apps/v1", "Deployment", "web", "uid-web"))
        await rest(publisher)

        document = await cluster.get("/api/v1/namespaces/shop/pods/web-0")
        annotations = document["metadata"]["annotations"]
        assert annotations[Annotation.OOM_RISK] == "high"
        assert "128Mi" in annotations[Annotation.RECOMMENDED_LIMIT]
        assert annotations["team"] == "a"
        assert document["metadata"]["labels"] == {"app": "web", RISK_LABEL: "high"}

        (event,) = await core_events(cluster)
        assert event["involvedObject"]["uid"] == pod.uid
        assert "Recommended memory limit: 128Mi" in event["message"]
        assert event["reportingComponent"] == "oomsight.dev/operator"

        recommendation = await cluster.get(f"{RECOMMENDATIONS}/deployment-web")
        assert recommendation["status"]["summary"]["recommendedLimit"] == "128Mi"
        assert recommendation["status"]["containers"][0]["kills"][0]["podUID"] == pod.uid


async def test_a_pod_made_anew_under_its_name_is_not_annotated_with_its_predecessors_data() -> None:
    async with a_cluster() as cluster, cluster.publisher() as publisher:
        pod = cluster.add_pod("web-0")
        predecessor = replace(pod, uid="5e1b7f3a-0000-4000-8000-000000000000")
        publisher.offer(predecessor, killed(predecessor, events="Disabled"))
        await rest(publisher)
        assert (await cluster.pod("web-0")).own_annotations == {}
        publisher.offer(pod, an_assessment(RiskLevel.LOW, pod_uid=pod.uid))
        await rest(publisher)
        assert (await cluster.pod("web-0")).own_annotations[Annotation.OOM_RISK] == "low"


async def test_a_crash_loop_over_a_restart_of_the_operator_is_one_event_that_counts_every_kill_once() -> None:
    async with a_cluster() as cluster:
        pod = cluster.add_pod("web-0")
        async with cluster.publisher() as publisher:
            for run in (1, 2):
                publisher.offer(await cluster.pod("web-0"), killed(pod, run))
                await rest(publisher)
        async with cluster.publisher() as restarted:
            for run in (2, 3):
                restarted.offer(await cluster.pod("web-0"), killed(pod, run))
                await rest(restarted)
        (event,) = await core_events(cluster)
        assert event["series"]["count"] == 3


async def test_recommendations_read_back_from_the_api_know_what_was_told() -> None:
    async with a_cluster() as cluster:
        pod = cluster.add_pod("web-0")
        async with cluster.publisher() as publisher:
            publisher.offer(pod, killed(pod), Owner("apps/v1", "Deployment", "web", "uid-web"))
            await rest(publisher)
        items = (await cluster.get(RECOMMENDATIONS))["items"]
        async with cluster.publisher() as restarted:
            histories = restarted.restore(items).histories
            assert [kill.container_id for kill in histories["shop", pod.uid].containers["app"].kills] == [f"{1:064x}"]


async def test_nothing_of_a_judgement_touches_spec_or_status_of_a_pod() -> None:
    async with a_cluster() as cluster, cluster.publisher() as publisher:
        pod = cluster.add_pod("web-0")
        before = await cluster.get("/api/v1/namespaces/shop/pods/web-0")
        publisher.offer(pod, killed(pod))
        await rest(publisher)
        publisher.withdraw(await cluster.pod("web-0"))
        await rest(publisher)
        after = await cluster.get("/api/v1/namespaces/shop/pods/web-0")
        assert (after["spec"], after["status"]) == (before["spec"], before["status"])
        metadata = after["metadata"]
        assert not metadata.get("annotations")
        assert "finalizers" not in metadata


async def test_the_status_of_a_policy_goes_to_its_subresource_and_leaves_the_spec_alone() -> None:
    async with a_cluster() as cluster, cluster.publisher(policy_status_interval_seconds=0.0) as publisher:
        policy = {
            "apiVersion": "oomsight.dev/v1alpha1",
            "kind": "MemoryPolicy",
            "metadata": {"name": "shop-memory"},
            "spec": {"risk": {"holdSeconds": 60}},
        }
        made = await cluster.client.request("POST", POLICIES, body=policy)
        publisher.offer_policy(parse_policy(made), made.get("status"))
        pod = cluster.add_pod("web-0")
        publisher.offer(pod, killed(pod))
        publisher.set_complete(True)
        await rest(publisher)
        document = await cluster.get(f"{POLICIES}/shop-memory")
        assert document["spec"] == made["spec"]
        assert document["metadata"]["generation"] == made["metadata"]["generation"]
        assert document["status"]["matchedPods"] == 1
        assert document["status"]["worst"][0]["container"] == "app"
        assert {each["type"]: each["status"] for each in document["status"]["conditions"]}["Enforced"] == "True"

        publisher.forget(pod.uid)
        await rest(publisher)
        assert (await cluster.get(f"{POLICIES}/shop-memory"))["status"]["matchedPods"] == 0


async def test_an_api_server_that_restarts_and_throttles_gets_everything_in_the_end() -> None:
    async with a_cluster() as cluster, cluster.publisher(retry_cap_seconds=0.05, write_burst=1000) as publisher:
        pods = [cluster.add_pod(f"web-{number}") for number in range(30)]
        cluster.server.faults.fail(FailureRule(status=503, verb="patch", resource="pods", times=10))
        cluster.server.faults.fail(FailureRule(verb="patch", resource="pods", times=3, disconnect=True))
        cluster.server.faults.fail(FailureRule(verb="create", resource="events", times=2, disconnect=True, after_write=True))
        for pod in pods:
            publisher.offer(pod, killed(pod))
        await cluster.server.faults.restart(0.05)
        await rest(publisher)
        assert [(await cluster.pod(pod.name)).own_annotations[Annotation.OOM_RISK] for pod in pods] == ["high"] * 30
        events = await core_events(cluster)
        assert len(events) == 30
        assert not [event for event in events if "series" in event], "an answer that was lost must not count a kill twice"


async def test_hundreds_of_pods_are_written_once_each_and_then_left_alone() -> None:
    async with a_cluster() as cluster, cluster.publisher(write_burst=10_000, writes_per_second=10_000) as publisher:
        pods = [cluster.add_pod(f"web-{number}") for number in range(300)]
        for _ in range(3):
            for pod in pods:
                publisher.offer(pod, an_assessment(RiskLevel.LOW, pod_uid=pod.uid))
        await rest(publisher)
        assert cluster.server.requests.count("patch", "pods") == 300
        for pod in pods:
            publisher.offer(pod, an_assessment(RiskLevel.LOW, pod_uid=pod.uid))
        await rest(publisher)
        assert cluster.server.requests.count("patch", "pods") == 300
