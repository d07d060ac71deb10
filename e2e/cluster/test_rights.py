"""The operator and the agent do what they do with exactly the shipped rights, and a missing one is named in the operator's log."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from oomsight_api.names import Annotation
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.release import Release
from oomsight_cluster.stage import Stage

OPERATOR, AGENT = "oomsight-operator", "oomsight-agent"


def account(release: Release, name: str) -> str:
    return f"system:serviceaccount:{release.namespace}:{name}"


def may(kubectl: Kubectl, who: str, verb: str, resource: str, *words: str) -> bool:
    return kubectl.try_run("auth", "can-i", verb, resource, "--as", who, *words).stdout.strip() == "yes"


def cluster_rules(release: Release) -> list[dict[str, Any]]:
    (role,) = [item for item in release.objects if item["kind"] == "ClusterRole"]
    return list(role["rules"])


def test_the_operator_may_what_its_role_says_and_not_more(kubectl: Kubectl, release: Release) -> None:
    who = account(release, OPERATOR)
    for rule in cluster_rules(release):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                name, _, subresource = resource.partition("/")
                words = ["--all-namespaces"] + ([f"--subresource={subresource}"] if subresource else [])
                full = f"{name}.{group}" if group else name
                for verb in rule["verbs"]:
                    assert may(kubectl, who, verb, full, *words), f"{verb} {resource}.{group}"
    for verb, resource in (
        ("delete", "pods"),
        ("get", "secrets"),
        ("create", "pods"),
        ("patch", "nodes"),
        ("patch", "deployments.apps"),
    ):
        assert not may(kubectl, who, verb, resource, "--all-namespaces"), f"{verb} {resource}"
    assert not may(kubectl, who, "create", "pods", "--all-namespaces", "--subresource=exec")


def test_the_agent_may_nothing(kubectl: Kubectl, release: Release) -> None:
    who = account(release, AGENT)
    for verb, resource in (
        ("get", "pods"),
        ("list", "nodes"),
        ("get", "secrets"),
        ("create", "events"),
        ("list", "memorypolicies.oomsight.dev"),
    ):
        assert not may(kubectl, who, verb, resource, "--all-namespaces"), f"{verb} {resource}"
    (pod,) = kubectl.list("pods", release.namespace, "--selector", "app.kubernetes.io/component=agent")
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    assert not any("serviceaccount" in mount["mountPath"] for mount in mounts)


def test_neither_was_refused_anything(kubectl: Kubectl, release: Release) -> None:
    for workload in ("deployment/oomsight-operator", "daemonset/oomsight-agent"):
        said = kubectl.run("logs", workload, "--namespace", release.namespace, "--tail=-1")
        assert "forbidden to " not in said, said[-2000:]


@pytest.fixture
def without_patching_pods(kubectl: Kubectl, release: Release) -> Iterator[None]:
    (role,) = [item for item in release.objects if item["kind"] == "ClusterRole"]
    poorer = copy.deepcopy(role)
    for rule in poorer["rules"]:
        if "pods" in rule["resources"]:
            rule["verbs"] = [verb for verb in rule["verbs"] if verb != "patch"]
    kubectl.run("replace", "-f", "-", standard_input=json.dumps(poorer))
    eventually(
        lambda: not may(kubectl, account(release, OPERATOR), "patch", "pods", "--all-namespaces"),
        f"ClusterRole {OPERATOR} is poorer",
        60,
    )
    yield
    kubectl.run("replace", "-f", "-", standard_input=json.dumps(role))


@pytest.mark.usefixtures("without_patching_pods")
def test_a_missing_right_is_named_with_the_rule_that_would_give_it(kubectl: Kubectl, stage: Stage, release: Release) -> None:
    stage.annotated("guaranteed", Annotation.OOM_RISK)
    words = ("annotate", "pod", "guaranteed", "--namespace", stage.namespace, f"{Annotation.OOM_RISK.value}=forged", "--overwrite")
    kubectl.run(*words)  # the operator puts it right, or tries to

    def said() -> str:
        return kubectl.run("logs", "deployment/oomsight-operator", "--namespace", release.namespace, "--tail=-1")

    rule = 'apiGroups: [\\"\\"], resources: [\\"pods\\"], verbs: [\\"patch\\"]'
    eventually(
        lambda: "forbidden to patch pods" in said() and rule in said(),
        "the log names the missing rule",
        180,
        lambda: said()[-2000:],
    )
