"""A recommendation in its namespace, and for every kind of workload: real agents and the real operator against the embedded API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.integration.cluster import Cluster, Running, until

from oomsight_sandbox.node_tree import MI, Flavour

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "app"}]}}


def controller(kind: str, name: str, uid: str, api_version: str = "apps/v1") -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": True}


def make(one: Cluster, kind: str, name: str, owner: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """An object of the shop, and the reference to it."""
    api_version = {"CronJob": "batch/v1", "Job": "batch/v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    metadata = {"name": name, "namespace": "shop", **({"ownerReferences": [dict(owner)]} if owner else {})}
    (stored,) = one.server.load([{"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}])
    return controller(kind, name, stored.uid, api_version)


def deployment(one: Cluster) -> dict[str, Any]:
    """A Deployment; its ReplicaSet's reference."""
    selected: dict[str, Any] = {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
    return make(one, "ReplicaSet", "web-1", make(one, "Deployment", "web", **selected), **selected)


def recommendation(one: Cluster, name: str) -> dict[str, Any]:
    """Its status; empty as long as there is none."""
    found = (each for each in one.objects("oomsight.dev", "memoryrecommendations") if each["metadata"]["name"] == name)
    return next((dict(each.get("status", {})) for each in found), {})


def said_of_limit(one: Cluster, pod: Running) -> str:
    """Why this limit: every step of the pod's report."""
    report = json.loads(one.annotations(pod).get("report", "{}"))
    steps = (report.get("containers") or [{}])[0].get("recommendation", {}).get("limitSteps", ())
    return "; ".join(step["why"] for step in steps)


async def test_a_quota_that_counts_the_pods_is_told_with_all_replicas_and_one_that_does_not_is_not(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    status = {"hard": {"limits.memory": "1Gi"}, "used": {"limits.memory": "1004Mi"}}
    for name, scope in (("paid", "NotBestEffort"), ("jobs", "Terminating")):
        metadata = {"name": name, "namespace": "shop"}
        spec = {"hard": status["hard"], "scopes": [scope]}
        one.server.load([{"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec, "status": status}])
    owner = deployment(one)
    one.apply_policy()
    pods = [one.start_pod(node, f"web-{number}", owner=owner, anon_bytes=40 * MI) for number in range(2)]
    for pod in pods:
        await one.until_risk(pod, "none", "low", "medium")

    killed = one.oom_kill(pods[0])

    await until(lambda: "ResourceQuota" in said_of_limit(one, killed), "the quota is told")
    why = said_of_limit(one, killed)
    assert "ResourceQuota paid leaves 20Mi of limits.memory, and each of 2 replicas needs 32Mi more, 64Mi in all" in why
    assert "jobs" not in why
    assert one.annotations(killed)["recommended-limit"] == "app=160Mi"
    assert "kubectl -n shop set resources" not in one.annotations(killed)["summary"]


async def test_a_limit_range_of_pods_and_an_autoscaler_of_memory_bound_what_is_recommended(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    limits = {"limits": [{"type": "Pod", "max": {"memory": "150Mi"}}]}
    metrics = [{"type": "Resource", "resource": {"name": "memory", "targetAverageUtilization": 80}}]
    scaled = {"name": "web", "namespace": "shop", "annotations": {"autoscaling.alpha.kubernetes.io/metrics": json.dumps(metrics)}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": scaled}
    owner = deployment(one)
    one.server.load([
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "mem", "namespace": "shop"}, "spec": limits},
        {**scaler, "spec": {"scaleTargetRef": target, "maxReplicas": 9}},
    ])  # fmt: skip
    one.apply_policy()
    pod = one.start_pod(node, "web-0", owner=owner, anon_bytes=100 * MI)
    await one.until_risk(pod, "none", "low", "medium", "high")

    killed = one.oom_kill(pod)

    await until(lambda: one.annotations(killed).get("recommended-limit") == "app=150Mi", "the sum of a pod is bounded")
    assert "LimitRange mem allows 150Mi at most a pod" in said_of_limit(one, killed)
    assert one.annotations(killed)["recommended-request"] == "app=64Mi"
    report = json.loads(one.annotations(killed)["report"])["containers"][0]["recommendation"]
    assert "HorizontalPodAutoscaler web scales by memory" in report["requestSteps"][0]["why"]


async def test_a_short_init_container_of_a_cronjob_is_learned_from_under_the_cronjobs_name(one: Cluster) -> None:
    """It was gone when the kubelet told of it: one report of the agent had its row."""
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    template = {"spec": {"template": TEMPLATE}}
    nightly = make(one, "CronJob", "nightly", schedule="0 3 * * *", jobTemplate=template)
    job = make(one, "Job", "nightly-1", nightly, template=TEMPLATE)
    await one.until_risk(one.start_pod(node, "calm", anon_bytes=20 * MI), "none")  # the operator hears the agent
    pod = await one.run_init_container(node, "nightly-1-x", owner=job, anon_bytes=90 * MI)
    await one.until_risk(pod, "none", "low")

    one.oom_kill(pod)

    status = await until(lambda: recommendation(one, "cronjob-nightly"), "the CronJob has a recommendation")
    containers = {each["name"]: each for each in status["containers"]}
    assert containers["setup"]["observedHours"] == 1, "its one run was seen"
    assert containers["app"]["recommendedLimit"] == "160Mi"
    assert status["summary"]["workload"] == "CronJob/nightly"


async def test_what_one_rollout_of_a_deployment_config_taught_counts_for_the_next(one: Cluster) -> None:
    """OpenShift makes a ReplicationController for each; the DeploymentConfig itself is never read."""
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    config = controller("DeploymentConfig", "web", "uid-of-the-config", "apps.openshift.io/v1")
    before = one.start_pod(node, "web-1-x2z4b", owner=make(one, "ReplicationController", "web-1", config), anon_bytes=40 * MI)
    await one.until_risk(before, "none", "low", "medium")
    killed = one.oom_kill(before)
    await until(lambda: one.annotations(killed).get("recommended-limit") == "app=160Mi", "the kill is learned from")
    one.delete_pod(killed)

    after = one.start_pod(node, "web-2-q8w7r", owner=make(one, "ReplicationController", "web-2", config), anon_bytes=40 * MI)

    await until(lambda: one.annotations(after).get("recommended-limit") == "app=160Mi", "the new pod knows of the old one's kill")
    (found,) = one.objects("oomsight.dev", "memoryrecommendations")
    assert found["status"]["summary"]["workload"] == "DeploymentConfig/web"
    assert [each["uid"] for each in found["metadata"]["ownerReferences"]] == ["uid-of-the-config"]


async def test_the_recommendation_of_a_static_pod_goes_with_its_mirror_pod(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    static = one.start_pod(node, "etcd-node", owner=controller("Node", node.name, "uid-of-the-node", "v1"), anon_bytes=40 * MI)
    await one.until_risk(static, "none", "low", "medium")

    one.oom_kill(static)

    (found,) = await until(lambda: one.objects("oomsight.dev", "memoryrecommendations"), "a MemoryRecommendation")
    owners = [(owner["kind"], owner["uid"]) for owner in found["metadata"]["ownerReferences"]]
    assert owners == [("Pod", static.files.pod_uid)]
