"""Real OOM kills by the node's own kernel, as kubectl shows them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from oomsight_api.names import Annotation, EventReason, RiskLevel, RiskReason
from oomsight_api.quantity import parse_bytes
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.policies import policy
from oomsight_cluster.stage import Stage, amount_of, annotation, oom_killed, restarts, terminations
from oomsight_cluster.workloads import container, pod, pod_spec, program

MIB = 1024 * 1024


def test_a_container_killed_at_its_limit_is_told_and_the_recommended_limit_ends_it(stage: Stage, kubectl: Kubectl) -> None:
    killed = stage.pod_when("model", oom_killed, "the kubelet says OOMKilled")
    assert {each["exitCode"] for each in terminations(killed)} == {137}

    told = stage.annotated("model", Annotation.LAST_OOM_KILL)
    assert " app, limit 40Mi, " in told, told
    assert "exit code 137" in told, told
    assert RiskReason.OOM_KILLED_RECENTLY in stage.annotated("model", Annotation.OOM_RISK_REASONS)
    event = stage.event(killed, EventReason.OOM_KILLED)
    assert event["type"] == "Warning"
    assert event["involvedObject"]["fieldPath"] == "spec.containers{app}"
    assert "40Mi" in event["message"]
    assert "Recommended memory limit: " in event["message"]

    summary = stage.recommendation("deployment-model")["summary"]
    assert (summary["workload"], summary["currentLimit"], summary["reason"]) == ("Deployment/model", "40Mi", "OOMKilled")
    assert amount_of(stage.annotated("model", Annotation.RECOMMENDED_LIMIT)) == parse_bytes(summary["recommendedLimit"])
    assert parse_bytes(summary["recommendedLimit"]) > 40 * MIB

    limit = f"--limits=memory={summary['recommendedLimit']}"
    kubectl.run("set", "resources", "deployment/model", "--namespace", stage.namespace, limit)
    kubectl.run("rollout", "status", "deployment/model", "--namespace", stage.namespace, "--timeout=120s", timeout=130)
    eventually(lambda: "model of 44 MiB loaded" in stage.logs("model"), "the model fits into the recommended limit", 120)
    living = stage.pod_when("model", lambda pod: annotation(pod, Annotation.OOM_RISK), "it is judged")
    assert restarts(living) == 0
    assert not oom_killed(living)


def test_a_child_killed_while_the_container_lives_is_told_though_kubernetes_shows_nothing(stage: Stage) -> None:
    eventually(lambda: "job ended with -9" in stage.logs("thumbnails"), "a job was killed", 120)
    told = stage.annotated("thumbnails", Annotation.LAST_OOM_KILL)
    assert " app, limit 40Mi" in told, told
    pod = stage.pod_when(
        "thumbnails", lambda pod: RiskReason.CHILD_PROCESS_KILLED in annotation(pod, Annotation.OOM_RISK_REASONS), "told"
    )
    assert RiskReason.OOM_KILLED_RECENTLY not in annotation(pod, Annotation.OOM_RISK_REASONS)
    assert restarts(pod) == 0
    assert not list(terminations(pod))
    event = stage.event(pod, EventReason.CHILD_PROCESS_OOM_KILLED)
    assert "app" in event["message"]
    described = stage.kubectl.run("describe", "pod", "thumbnails", "--namespace", stage.namespace)
    assert "the container went on and its restart count is 0" in " ".join(described.split()), described
    assert "ChildProcessOOMKilled" in described


def test_an_init_container_killed_at_its_limit_is_told_by_name(stage: Stage) -> None:
    pod = stage.pod_when("migration", oom_killed, "its init container was killed")
    told = stage.annotated("migration", Annotation.LAST_OOM_KILL)
    assert " migrate, limit 32Mi" in told, told
    event = stage.event(pod, EventReason.OOM_KILLED)
    assert event["involvedObject"]["fieldPath"] == "spec.initContainers{migrate}"
    assert amount_of(stage.annotated("migration", Annotation.RECOMMENDED_LIMIT), "migrate") > 32 * MIB


def test_a_pod_killed_at_its_own_limit_is_told_though_its_container_was_far_from_its_own(stage: Stage) -> None:
    """Without the kernel's log cgroup v1 does not say whose limit it was, and so nor does the annotation; see test_upgrade.py."""
    assert " app, " in stage.annotated("spool", Annotation.LAST_OOM_KILL, "exit code 137")
    assert RiskReason.OOM_KILLED_RECENTLY in stage.annotated("spool", Annotation.OOM_RISK_REASONS)


@pytest.fixture(name="read_anew")
def _read_anew(stage: Stage, kubectl: Kubectl) -> Iterator[Callable[[str], None]]:
    """Has a pod written by a policy of its own: where only numbers moved, that would come half an hour after the last time."""
    kind = "MemoryPolicy"

    def apply(app: str) -> None:
        kubectl.apply(policy(kind, "own", {"podSelector": {"matchLabels": {"app": app}}}, stage.namespace))

    yield apply
    kubectl.run("delete", kind, "own", "--namespace", stage.namespace, "--ignore-not-found")


def test_page_cache_up_to_the_limit_is_no_risk(stage: Stage, read_anew: Callable[[str], None]) -> None:
    eventually(lambda: "written, searching in it" in stage.logs("search"), "the index is written", 180)
    read_anew("search")

    def at_the_limit() -> bool:
        pod = stage.pod("search") or {}
        report = json.loads(annotation(pod, Annotation.REPORT) or "{}") if pod else {}
        return any(int(each.get("memory", {}).get("usageBytes") or 0) > 43 * MIB for each in report.get("containers", ()))

    eventually(at_the_limit, "the annotation shows usage near the limit", 180, lambda: (stage.pod("search") or {}).get("metadata"))
    pod = stage.pod("search")
    assert pod is not None
    assert (
        annotation(pod, Annotation.OOM_RISK) == RiskLevel.NONE
        or annotation(pod, Annotation.OOM_RISK_REASONS) == RiskReason.FIRST_TO_DIE
    )
    assert not oom_killed(pod)
    assert not annotation(pod, Annotation.LAST_OOM_KILL)


def test_a_pod_made_again_under_the_same_name_does_not_wear_the_kills_of_the_one_before(stage: Stage, kubectl: Kubectl) -> None:
    stage.annotated("again", Annotation.LAST_OOM_KILL)
    before = stage.pod("again")
    assert before is not None
    kubectl.run("delete", "pod", "again", "--namespace", stage.namespace, "--wait=true")
    kubectl.apply(pod("again", pod_spec(container(stage.cluster, program("steady", "--mib=8"), request="16Mi", limit="32Mi"))))
    anew = stage.pod_when("again", lambda pod: annotation(pod, Annotation.MEMORY), "the new pod is judged from samples of its own")
    assert anew["metadata"]["uid"] != before["metadata"]["uid"]
    assert not annotation(anew, Annotation.LAST_OOM_KILL)
    assert RiskReason.OOM_KILLED_RECENTLY not in annotation(anew, Annotation.OOM_RISK_REASONS)
    assert stage.kills_told("pod-again") == 0
