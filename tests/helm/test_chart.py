"""The chart as Helm renders it: valid for the Kubernetes versions it claims, restricted, and with no more rights than it needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml
from helm_python import _native

from oomsight_api.generate import crd
from oomsight_api.kinds import KINDS

CHART = str(Path(__file__).parents[2] / "helm" / "oomsight")
IMAGE = {"image": {"repository": "registry.example/oomsight"}}
VALUES: dict[str, dict[str, Any]] = {
    "defaults": IMAGE,
    "digest": {
        "image": {"repository": "registry.example/oomsight", "digest": "sha256:" + "a" * 64, "pullSecrets": [{"name": "pull"}]}
    },
    "bare": {**IMAGE, "crds": {"install": False}, "defaultPolicy": {"create": False}},
    "tuned": {
        **IMAGE,
        "crds": {"keep": False},
        "operator": {
            "extraArgs": ["--poll-wait-seconds=10"],
            "nodeSelector": {"role": "infra"},
            "logLevel": "debug",
            "api": {"enabled": False},
            "readKubeletConfig": True,
        },
        "agent": {
            "port": 12345,
            "kernelLog": {"enabled": True},
            "intervalSeconds": 0.5,
            "extraArgs": ["--stat-interval-seconds=5"],
            "priorityClassName": "high",
        },
    },
}


def render(values: dict[str, Any], kube_version: str = "v1.34.0") -> list[dict[str, Any]]:
    """All objects that `helm template` gives, in order."""
    options = {"name": "oomsight", "namespace": "oomsight-system", "api_versions": [], "kube_version": kube_version}
    with helm_python.Chart.load(CHART) as chart:
        rendered = json.loads(_native.call_string("helm_render", chart._raw(), json.dumps(values), json.dumps(options)))
    return [
        document
        for name, text in sorted(rendered.items())
        if not name.endswith("NOTES.txt")
        for document in yaml.safe_load_all(text)
        if document
    ]


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [item for item in objects if item["kind"] == kind]


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("kube_version", ["1.25", "1.31", "1.37"])
def test_every_built_in_object_is_valid_in_the_versions_the_chart_claims(values: dict[str, Any], kube_version: str) -> None:
    objects = render(values, f"v{kube_version}.0")
    built_in = [item for item in objects if "oomsight.dev" not in item["apiVersion"] and item["kind"] != "CustomResourceDefinition"]
    for item in built_in:
        kubernetes_validate.validate(item, kube_version, strict=True)
    assert {item["kind"] for item in built_in} >= {"Deployment", "DaemonSet", "ClusterRole", "Role", "ServiceAccount"}


def test_the_definitions_are_the_generated_ones_and_survive_an_uninstall() -> None:
    installed = of_kind(render(IMAGE), "CustomResourceDefinition")
    assert {item["metadata"]["annotations"]["helm.sh/resource-policy"] for item in installed} == {"keep"}
    for item in installed:
        del item["metadata"]["annotations"]
    assert sorted(installed, key=lambda item: str(item["metadata"]["name"])) == sorted(
        (crd(kind) for kind in KINDS), key=lambda item: str(item["metadata"]["name"])
    )


def test_the_definitions_go_when_asked_and_are_left_out_when_asked() -> None:
    assert all("annotations" not in item["metadata"] for item in of_kind(render(VALUES["tuned"]), "CustomResourceDefinition"))
    assert of_kind(render(VALUES["bare"]), "CustomResourceDefinition") == []


def test_without_an_image_the_error_says_what_to_do() -> None:
    with pytest.raises(helm_python.errors.HelmRenderError, match=r"image\.repository must be set: build the image"):
        render({})


def test_an_unknown_value_is_refused() -> None:
    with pytest.raises(helm_python.errors.HelmError, match="additional properties 'kernelog' not allowed"):
        render({**IMAGE, "kernelog": True})


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_every_pod_is_restricted(kind: str) -> None:
    (workload,) = of_kind(render(IMAGE), kind)
    pod = workload["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10754,
        "runAsGroup": 10754,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_agent_reads_three_folders_of_the_node_and_has_no_right_in_the_api() -> None:
    objects = render(IMAGE)
    (agent,) = of_kind(objects, "DaemonSet")
    pod = agent["spec"]["template"]["spec"]
    assert {volume["hostPath"]["path"] for volume in pod["volumes"]} == {"/sys/fs/cgroup", "/proc", "/var/log/containers"}
    assert all(mount["readOnly"] for container in pod["containers"] for mount in container["volumeMounts"])
    assert pod["automountServiceAccountToken"] is False
    bound = {subject["name"] for item in objects if item["kind"].endswith("RoleBinding") for subject in item["subjects"]}
    assert bound == {"oomsight-operator"}


def agent_of(objects: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The agent's pod and its container."""
    (agent,) = of_kind(objects, "DaemonSet")
    pod: dict[str, Any] = agent["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return pod, container


def test_the_kernels_log_is_not_read_unless_asked_for() -> None:
    _, container = agent_of(render(IMAGE))
    assert "--kernel-log" not in container["args"]
    assert "privileged" not in container["securityContext"]


def test_the_kernels_log_is_read_by_a_privileged_agent_that_gets_one_device_more_and_no_right() -> None:
    objects = render({**IMAGE, "agent": {"kernelLog": {"enabled": True}}})
    pod, container = agent_of(objects)
    assert "--kernel-log" in container["args"]
    assert container["securityContext"] == {
        "privileged": True,
        "runAsNonRoot": False,
        "runAsUser": 0,
        "runAsGroup": 0,
        "readOnlyRootFilesystem": True,
    }
    plain, _ = agent_of(render(IMAGE))
    more = [volume for volume in pod["volumes"] if volume not in plain["volumes"]]
    assert more == [{"name": "kernel-log", "hostPath": {"path": "/dev/kmsg", "type": "CharDevice"}}]
    assert {"name": "kernel-log", "mountPath": "/dev/kmsg", "readOnly": True} in container["volumeMounts"]
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert pod["automountServiceAccountToken"] is False
    assert of_kind(objects, "ClusterRole") == of_kind(render(IMAGE), "ClusterRole")
    (operator,) = of_kind(objects, "Deployment")
    assert "privileged" not in json.dumps(operator)


@pytest.mark.parametrize("value", [{"enabled": "yes"}, {"path": "/dev/kmsg"}])
def test_a_kernel_log_value_that_means_nothing_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(helm_python.errors.HelmError, match="kernelLog"):
        render({**IMAGE, "agent": {"kernelLog": value}})


def test_the_operator_may_patch_pods_but_never_delete_or_evict_them() -> None:
    (role,) = of_kind(render(IMAGE), "ClusterRole")
    verbs: dict[str, set[str]] = {}
    for rule in role["rules"]:
        assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
        for resource in rule["resources"]:
            verbs.setdefault(resource, set()).update(rule["verbs"])
    assert verbs["pods"] == {"list", "watch", "patch"}
    assert "pods/eviction" not in verbs
    assert "pods/resize" not in verbs


def operator_of(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The operator's container."""
    (operator,) = of_kind(objects, "Deployment")
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def test_the_api_of_nodes_has_a_service_that_finds_the_operator_by_the_ports_name() -> None:
    objects = render(IMAGE)
    (service,) = of_kind(objects, "Service")
    (deployment,) = of_kind(objects, "Deployment")
    assert service["metadata"]["name"] == "oomsight-operator"
    assert service["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert service["spec"]["ports"] == [{"name": "api", "port": 9757, "targetPort": "api"}]
    container = operator_of(objects)
    assert {"name": "api", "containerPort": 9757} in container["ports"]
    assert "--api-listen=0.0.0.0:9757" in container["args"]


def test_the_api_of_nodes_can_be_kept_inside_its_pod() -> None:
    objects = render({**IMAGE, "operator": {"api": {"enabled": False}}})
    assert of_kind(objects, "Service") == []
    container = operator_of(objects)
    assert "--api-listen=127.0.0.1:9757" in container["args"]
    assert "api" not in {port["name"] for port in container["ports"]}


def test_kubelets_are_asked_only_when_wanted_and_only_to_read() -> None:
    plain, asking = render(IMAGE), render({**IMAGE, "operator": {"readKubeletConfig": True}})
    assert "--read-kubelet-config" not in operator_of(plain)["args"]
    assert "--read-kubelet-config" in operator_of(asking)["args"]
    rules = [rule for objects in (plain, asking) for rule in of_kind(objects, "ClusterRole")[0]["rules"]]
    assert [rule for rule in rules if "nodes/proxy" in rule["resources"]] == [
        {"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}
    ]
    (role,) = of_kind(plain, "ClusterRole")
    nodes = [rule["verbs"] for rule in role["rules"] if "nodes" in rule["resources"]]
    assert nodes == [["list", "watch"]]


@pytest.mark.parametrize("value", [{"api": {"port": 1}}, {"api": {"enabled": "yes"}}, {"readKubeletConfig": "yes"}])
def test_a_value_of_the_operator_that_means_nothing_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(helm_python.errors.HelmError, match=r"api|readKubeletConfig"):
        render({**IMAGE, "operator": value})
