"""The last scenarios: cleanup and uninstall leave nothing of oomsight behind, but for the definitions where they are to be kept."""

from __future__ import annotations

import json

from oomsight_cluster.chart import Release
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.stage import Stage, describe, marks
from oomsight_cluster.workloads import container

CLUSTER_KINDS = ("clusterroles", "clusterrolebindings", "validatingwebhookconfigurations", "mutatingwebhookconfigurations")
OURS = ("--selector", "app.kubernetes.io/name=oomsight")
DEFINITIONS = {"clustermemorypolicies.oomsight.dev", "memorypolicies.oomsight.dev", "memoryrecommendations.oomsight.dev"}


def definitions(kubectl: Kubectl) -> set[str]:
    return {item["metadata"]["name"] for item in kubectl.list("crds") if item["metadata"]["name"].endswith(".oomsight.dev")}


def clean_up(kubectl: Kubectl, release: Release) -> None:
    """As the README says: in the cluster, with the operator's own rights."""
    image = container(release.cluster, ())["image"]
    account = json.dumps({"spec": {"serviceAccountName": "oomsight-operator"}})
    words = (
        "run",
        "oomsight-cleanup",
        "--namespace",
        release.namespace,
        f"--image={image}",
        "--restart=Never",
        f"--overrides={account}",
    )
    kubectl.run(*words, "--", "oomsight-operator", "cleanup")

    def phase() -> str:
        pod = kubectl.get("pod", "oomsight-cleanup", release.namespace) or {}
        return str((pod.get("status") or {}).get("phase", ""))

    eventually(lambda: phase() in ("Succeeded", "Failed"), "the cleanup ends", 120, phase)
    said = kubectl.run("logs", "oomsight-cleanup", "--namespace", release.namespace)
    assert phase() == "Succeeded", said
    assert "nothing of oomsight is left on them" in said
    kubectl.run("delete", "pod", "oomsight-cleanup", "--namespace", release.namespace, "--wait=true")


def test_cleanup_and_uninstall_leave_the_definitions_and_nothing_else(kubectl: Kubectl, release: Release, stage: Stage) -> None:
    kubectl.run("scale", "deployment/oomsight-operator", "--namespace", release.namespace, "--replicas=0")
    selector = ("--selector", "app.kubernetes.io/component=operator")
    eventually(lambda: not kubectl.list("pods", release.namespace, *selector), "the operator is gone", 120)
    clean_up(kubectl, release)
    release.uninstall()

    assert not [describe(pod) for pod in kubectl.list("pods") if marks(pod)]
    assert not kubectl.list("memoryrecommendations")
    assert not kubectl.list("leases", release.namespace)
    for kind in CLUSTER_KINDS:
        assert not kubectl.list(kind, None, *OURS), kind
    eventually(
        lambda: not kubectl.list("all,serviceaccounts,roles,rolebindings,configmaps", None, *OURS), "nothing namespaced", 120
    )
    for item in kubectl.list("pods", stage.namespace):
        assert not any("oomsight" in name for name in item["metadata"].get("finalizers", ()))
    assert definitions(kubectl) == DEFINITIONS


def test_installed_again_the_definitions_go_with_the_release_where_they_are_not_to_be_kept(
    kubectl: Kubectl, release: Release
) -> None:
    release.install(release.values(crds={"keep": False}))
    release.uninstall()
    eventually(lambda: not definitions(kubectl), "the definitions are gone", 120)
