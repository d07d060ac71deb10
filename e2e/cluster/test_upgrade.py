"""Helm's upgrade and rollback: the agent reads the kernel's log from then on, the definitions are brought up to date, and back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from oomsight_api.names import Annotation, EventReason
from oomsight_cluster.chart import change_definitions
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.release import Release
from oomsight_cluster.stage import Stage
from oomsight_cluster.workloads import container, pod, pod_spec

SPOOL = ["sh", "-c", "exec dd if=/dev/zero of=/spool/$(date +%s) bs=1M count=30"]
POLICY = ("clustermemorypolicy", "oomsight-default")
DEFINITION = ("crd", "memoryrecommendations.oomsight.dev")


def arguments(kubectl: Kubectl, release: Release) -> list[str]:
    agent = kubectl.get("daemonset", "oomsight-agent", release.namespace)
    assert agent is not None
    return list(agent["spec"]["template"]["spec"]["containers"][0]["args"])


def uid(kubectl: Kubectl) -> str:
    policy = kubectl.get(*POLICY)
    assert policy is not None
    return str(policy["metadata"]["uid"])


@pytest.fixture(scope="module")
def upgraded(kubectl: Kubectl, release: Release, stage: Stage) -> Release:
    before, policy = stage.annotated("model", Annotation.POLICY), uid(kubectl)
    release.upgrade(release.values(agent={"kernelLog": {"enabled": True}}))
    assert uid(kubectl) == policy, "the policy that the install made is taken over, not made anew"
    assert stage.annotated("model", Annotation.POLICY) == before
    return release


def test_a_pods_own_limit_is_named_once_the_kernels_log_is_read(kubectl: Kubectl, stage: Stage, upgraded: Release) -> None:
    assert upgraded.given_values()["agent"] == {"kernelLog": {"enabled": True}}
    kubectl.apply(
        pod("spool-again", pod_spec(container(stage.cluster, SPOOL, request="16Mi", limit="48Mi"), memory_volume="/spool"))
    )
    told = stage.annotated("spool-again", Annotation.LAST_OOM_KILL, "kernel-log")
    assert " app, pod limit 48Mi" in told, told
    assert "process dd (pid " in told, told
    killed = stage.pod("spool-again")
    assert killed is not None
    event = stage.event(killed, EventReason.OOM_KILLED)
    assert "limit 48Mi of its pod" in event["message"], event["message"]


def older(definition: dict[str, Any]) -> dict[str, Any]:
    """As an earlier version of the project might have had it."""
    del definition["spec"]["names"]["shortNames"]
    return definition


def test_an_upgrade_brings_the_definitions_up_to_date(kubectl: Kubectl, upgraded: Release, tmp_path: Path) -> None:
    chart = shutil.copytree(upgraded.chart, tmp_path / "oomsight")
    change_definitions(chart, older)
    values = upgraded.given_values()
    upgraded.upgrade(values, chart)
    eventually(lambda: "shortNames" not in (kubectl.get(*DEFINITION) or {})["spec"]["names"], "the older definition", 60)
    upgraded.upgrade(values)
    names = eventually(lambda: (kubectl.get(*DEFINITION) or {})["spec"]["names"].get("shortNames"), "the newer definition", 60)
    assert names == ["memrec"]


def test_a_rollback_to_the_first_revision_takes_the_kernels_log_away_and_leaves_the_policy(
    kubectl: Kubectl, upgraded: Release, stage: Stage
) -> None:
    assert "--kernel-log" in arguments(kubectl, upgraded)
    upgraded.roll_back(1)
    assert "--kernel-log" not in arguments(kubectl, upgraded)
    revisions = upgraded.history()
    assert [each["status"] for each in revisions] == [*("superseded" for _ in revisions[:-1]), "deployed"]
    assert kubectl.get(*POLICY) is not None
    stage.annotated("model", Annotation.POLICY)
