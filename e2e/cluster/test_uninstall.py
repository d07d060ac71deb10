"""The last scenarios: uninstalled by Helm, or as the README shows it for rendered YAML, oomsight leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from oomsight_api.names import Annotation
from oomsight_cluster.cache import CHECKOUT
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.release import Release, Rendered
from oomsight_cluster.stage import Stage, describe, marks
from oomsight_cluster.workloads import container

CLUSTER_KINDS = ("clusterroles", "clusterrolebindings", "validatingwebhookconfigurations", "mutatingwebhookconfigurations")
NAMESPACED_KINDS = "all,serviceaccounts,roles,rolebindings,configmaps"
OURS = ("--selector", "app.kubernetes.io/name=oomsight")
DEFINITIONS = {"clustermemorypolicies.oomsight.dev", "memorypolicies.oomsight.dev", "memoryrecommendations.oomsight.dev"}
EXAMPLE = CHECKOUT / "docs" / "examples" / "whole-cluster-defaults.yaml"


def definitions(kubectl: Kubectl) -> set[str]:
    return {item["metadata"]["name"] for item in kubectl.list("crds") if item["metadata"]["name"].endswith(".oomsight.dev")}


def assert_nothing_is_left(kubectl: Kubectl, release: Release, stage: Stage) -> None:
    """But for the definitions, and policies that the chart did not make."""
    assert not [describe(pod) for pod in kubectl.list("pods") if marks(pod)]
    assert not kubectl.list("leases", release.namespace)
    for kind in CLUSTER_KINDS:
        assert not kubectl.list(kind, None, *OURS), kind
    eventually(
        lambda: not kubectl.list(NAMESPACED_KINDS, None, *OURS), "nothing namespaced", 120,
        lambda: kubectl.run("get", NAMESPACED_KINDS, "--all-namespaces", *OURS),
    )  # fmt: skip
    assert not kubectl.list("secrets", release.namespace, "--selector", "owner=helm")
    for item in kubectl.list("pods", stage.namespace):
        assert not any("oomsight" in name for name in item["metadata"].get("finalizers", ()))


def test_helm_uninstall_alone_leaves_the_definitions_and_nothing_else(kubectl: Kubectl, release: Release, stage: Stage) -> None:
    stage.annotated("model", Annotation.OOM_RISK)
    assert kubectl.list("memoryrecommendations")
    kept = release.uninstall()
    assert all(name in kept for name in DEFINITIONS), kept

    assert_nothing_is_left(kubectl, release, stage)
    assert not kubectl.list("memoryrecommendations")
    assert kubectl.get("clustermemorypolicy", "oomsight-default") is None
    assert definitions(kubectl) == DEFINITIONS


def test_installed_again_on_the_definitions_that_were_kept_the_policy_is_the_releases_own(
    kubectl: Kubectl, release: Release, stage: Stage
) -> None:
    release.install(release.values())
    assert "ClusterMemoryPolicy" in {item["kind"] for item in release.objects}
    stage.annotated("model", Annotation.OOM_RISK)
    release.uninstall()
    assert_nothing_is_left(kubectl, release, stage)
    assert kubectl.get("clustermemorypolicy", "oomsight-default") is None


@pytest.fixture
def applied(kubectl: Kubectl, release: Release) -> Rendered:
    """Rendered YAML applied with kubectl where nothing of oomsight is, not even its definitions, and the policy of the examples."""
    kubectl.run("delete", "crd", *DEFINITIONS, "--ignore-not-found", "--wait=true")
    rendered = Rendered(release)
    rendered.apply(release.values())
    for workload in ("daemonset/oomsight-agent", "deployment/oomsight-operator"):
        words = ("rollout", "status", workload, "--namespace", release.namespace, "--timeout=240s")
        kubectl.run(*words, timeout=250)
    kubectl.apply(*yaml.safe_load_all(Path(EXAMPLE).read_text()))
    return rendered


def clean_up(kubectl: Kubectl, release: Release) -> None:
    """As the README says: in the cluster, with the operator's own rights, once it is stopped."""
    kubectl.run("scale", "deployment/oomsight-operator", "--namespace", release.namespace, "--replicas=0")
    selector = ("--selector", "app.kubernetes.io/component=operator")
    kubectl.run("wait", "pod", "--namespace", release.namespace, *selector, "--for=delete", "--timeout=120s", timeout=130)
    image = container(release.cluster, ())["image"]
    account = json.dumps({"spec": {"serviceAccountName": "oomsight-operator"}})
    words = ("run", "oomsight-cleanup", "--namespace", release.namespace, f"--image={image}", "--restart=Never")
    kubectl.run(*words, f"--overrides={account}", "--", "oomsight-operator", "cleanup")

    def phase() -> str:
        pod = kubectl.get("pod", "oomsight-cleanup", release.namespace) or {}
        return str((pod.get("status") or {}).get("phase", ""))

    eventually(lambda: phase() in ("Succeeded", "Failed"), "the cleanup ends", 120, phase)
    said = kubectl.run("logs", "oomsight-cleanup", "--namespace", release.namespace)
    assert phase() == "Succeeded", said
    assert "nothing of oomsight is left on them" in said
    kubectl.run("delete", "pod", "oomsight-cleanup", "--namespace", release.namespace, "--wait=true")


def test_rendered_yaml_and_kubectl_install_it_and_take_it_away(
    kubectl: Kubectl, release: Release, stage: Stage, applied: Rendered
) -> None:
    stage.annotated("model", Annotation.OOM_RISK)
    clean_up(kubectl, release)
    assert not kubectl.list("memoryrecommendations")
    applied.delete(release.values())
    assert_nothing_is_left(kubectl, release, stage)
    eventually(lambda: not definitions(kubectl), "kubectl deletes the definitions with the rest", 120)


def test_installed_again_the_definitions_go_with_the_release_where_they_are_not_to_be_kept(
    kubectl: Kubectl, release: Release, stage: Stage
) -> None:
    release.install(release.values(crds={"keep": False}))
    stage.annotated("model", Annotation.OOM_RISK)
    release.uninstall()
    assert_nothing_is_left(kubectl, release, stage)
    eventually(lambda: not definitions(kubectl), "the definitions are gone", 120)
