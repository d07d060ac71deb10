"""Kernel files in, annotated pods out: real agents and the real operator against the embedded API, on every kind of node."""

from __future__ import annotations

import json

import pytest
from tests.integration.cluster import Cluster, until

from oomsight_sandbox.node_tree import MI, Flavour


@pytest.mark.parametrize("flavour", list(Flavour))
async def test_a_container_that_fills_its_limit_is_told_on_the_pod(one: Cluster, flavour: Flavour) -> None:
    node = await one.add_node(flavour)
    one.apply_policy()
    calm = one.start_pod(node, "calm", anon_bytes=20 * MI)
    cached = one.start_pod(node, "cached", anon_bytes=10 * MI, inactive_file_bytes=60 * MI, active_file_bytes=56 * MI)
    full = one.start_pod(node, "full", anon_bytes=115 * MI)

    said = await one.until_risk(full, "high")
    assert said["oom-risk-reasons"].split(",")[0] == "NearLimit"
    assert said["qos-class"] == "Burstable"
    assert said["oom-score-adj"].startswith("985")
    assert "128Mi" in said["memory"]
    assert (await one.until_risk(calm, "none"))["policy"].startswith("ClusterMemoryPolicy ")
    page_cache = await one.until_risk(cached, "none")
    assert "oom-risk-reasons" not in page_cache, "page cache alone raises no risk"
    report = json.loads(said["report"])
    assert report, "machine-readable"


@pytest.mark.parametrize("flavour", list(Flavour))
async def test_an_oom_killed_restart_gives_annotations_an_event_and_a_recommendation(one: Cluster, flavour: Flavour) -> None:
    node = await one.add_node(flavour)
    one.apply_policy()
    pod = one.start_pod(node, "tight", anon_bytes=100 * MI)
    await one.until_risk(pod, "none", "low", "medium")

    pod = one.oom_kill(pod)

    said = await one.until_risk(pod, "high", "critical")
    assert "OOMKilledRecently" in said["oom-risk-reasons"]
    assert "app" in said["last-oom-kill"]
    limit_mi = int(said["recommended-limit"].removeprefix("app=").removesuffix("Mi"))
    assert limit_mi > 128, "starts from the limit that killed"
    (event, *_) = await until(lambda: one.events(pod, "OOMKilled"), "the Event of the kill")
    assert "Recommended memory limit: 160Mi instead of 128Mi. Why: " in event["message"], "what would have been right"
    assert "\n" not in event["message"]
    assert len(event["message"].encode()) <= 1024
    report = json.loads(said["report"])["containers"][0]["recommendation"]
    assert report["limitBytes"] == limit_mi * MI
    assert report["limitSteps"][0]["why"] == "killed at limit 128Mi: it needed more than that"
    assert "Recommended for app: limit 160Mi (now 128Mi)" in " ".join(said["summary"].split())
    (recommendation,) = await until(lambda: one.objects("oomsight.dev", "memoryrecommendations"), "a MemoryRecommendation")
    assert recommendation["metadata"]["ownerReferences"][0]["uid"] == pod.files.pod_uid, "a bare pod owns its own"
    await until(
        lambda: one.objects("oomsight.dev", "memoryrecommendations")[0].get("status", {}).get("summary", {}).get("oomKills") == 1,
        "the kill is counted once",
    )


async def test_the_event_names_the_recommended_limit_also_when_the_kubelet_speaks_before_the_agent(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy()
    pod = one.start_pod(node, "tight", anon_bytes=100 * MI)
    await one.until_risk(pod, "none", "low", "medium")
    await node.agent.stop()

    pod = one.kubelet_says_oom_killed(pod)

    (event, *_) = await until(lambda: one.events(pod, "OOMKilled"), "the Event of a kill that no agent told of")
    assert "Recommended memory limit: 160Mi instead of 128Mi. Why: killed at limit 128Mi" in event["message"]
    assert (await one.until_risk(pod, "high", "critical"))["recommended-limit"] == "app=160Mi"
    await node.agent.start()
    await until(lambda: one.annotations(pod).get("memory", "").startswith("app:"), "the agent speaks again")
    assert len(one.events(pod, "OOMKilled")) == 1


async def test_a_kill_without_a_recommendation_says_why_there_is_none(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    one.apply_policy(recommendation={"mode": "Off"})
    pod = one.start_pod(node, "tight", anon_bytes=100 * MI)
    await one.until_risk(pod, "none", "low", "medium")

    pod = one.oom_kill(pod)

    (event, *_) = await until(lambda: one.events(pod, "OOMKilled"), "the Event of the kill")
    assert event["message"].endswith("No memory limit is recommended: the policy recommends nothing (recommendation.mode Off).")


@pytest.mark.parametrize("flavour", list(Flavour))
async def test_a_child_killed_while_pid_1_lives_is_told_although_no_status_changes(one: Cluster, flavour: Flavour) -> None:
    node = await one.add_node(flavour)
    one.apply_policy()
    pod = one.start_pod(node, "workers", anon_bytes=30 * MI)
    await one.until_risk(pod, "none")

    one.grow(pod, oom_kills=1)

    said = await one.until_risk(pod, "medium")
    assert said["oom-risk-reasons"].split(",")[0] == "ChildProcessKilled"
    await until(lambda: one.events(pod, "ChildProcessOOMKilled"), "the Event of the child's kill")


async def test_without_a_policy_nothing_is_written_and_without_it_again_all_is_removed(one: Cluster) -> None:
    node = await one.add_node(Flavour.V2_SYSTEMD)
    pod = one.start_pod(node, "full", anon_bytes=120 * MI)
    await until(lambda: one.operator.said('"working"'), "the operator works")
    await until(lambda: one.server.requests.count("watch", "pods") > 0, "pods are watched")
    assert one.annotations(pod) == {}
    assert one.server.requests.count("patch", "pods") == 0

    one.apply_policy()
    await one.until_risk(pod, "high", "critical")
    one.remove_policies()
    await until(lambda: one.annotations(pod) == {}, "the annotations go with the last policy that selects the pod")
    stored = one.objects("", "pods")
    assert not any("finalizers" in each["metadata"] for each in stored)
    assert not any("kopf" in json.dumps(each["metadata"]) for each in stored), "kopf writes nothing on pods"
