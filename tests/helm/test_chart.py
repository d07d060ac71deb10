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
from oomsight_operator.main import make_parser
from oomsight_operator.settings import load_settings, prometheus_access

CHART = str(Path(__file__).parents[2] / "helm" / "oomsight")
IMAGE = {"image": {"repository": "registry.example/oomsight"}}
VALUES: dict[str, dict[str, Any]] = {
    "defaults": IMAGE,
    "digest": {
        "image": {"repository": "registry.example/oomsight", "digest": "sha256:" + "a" * 64, "pullSecrets": [{"name": "pull"}]}
    },
    "bare": {**IMAGE, "crds": {"install": False}, "defaultPolicy": {"create": False}, "cleanup": {"enabled": False}},
    "tuned": {
        **IMAGE,
        "crds": {"keep": False},
        "operator": {
            "extraArgs": ["--poll-wait-seconds=10"],
            "nodeSelector": {"role": "infra"},
            "logLevel": "debug",
            "api": {"enabled": False},
            "readKubeletConfig": True,
            "prometheus": {
                "url": "https://mimir.example/prometheus",
                "matchers": 'cluster="prod-1"',
                "header": "X-Scope-OrgID: team-a",
                "caConfigMap": {"name": "authorities"},
                "tokenSecret": {"name": "prometheus-token", "key": "bearer"},
            },
            "priorityClassName": "system-cluster-critical",
            "extraEnv": [{"name": "HTTPS_PROXY", "value": "proxy.example:3128"}],
        },
        "agent": {
            "port": 12345,
            "kernelLog": {"enabled": True},
            "intervalSeconds": 0.5,
            "extraArgs": ["--stat-interval-seconds=5"],
            "priorityClassName": "high",
            "maxUnavailable": 3,
            "extraEnv": [{"name": "PYTHONMALLOC", "value": "malloc"}],
        },
    },
}


POLICIES_ARE_DEFINED = ("oomsight.dev/v1alpha1/ClusterMemoryPolicy",)


def render(values: dict[str, Any], kube_version: str = "v1.34.0", api_versions: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """All objects that `helm template` gives, in order; `api_versions` are what the cluster has beside Kubernetes' own."""
    options = {"name": "oomsight", "namespace": "oomsight-system", "api_versions": list(api_versions), "kube_version": kube_version}
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


def named(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (found,) = [item for item in of_kind(objects, kind) if item["metadata"]["name"] == name]
    return found


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


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "Job"])
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
    assert bound == {"oomsight-operator", "oomsight-cleanup", "oomsight-test"}


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


def test_environment_priority_and_pace_are_the_admins_to_choose() -> None:
    objects = render(VALUES["tuned"])
    (agent,), (operator,) = of_kind(objects, "DaemonSet"), of_kind(objects, "Deployment")
    _, container = agent_of(objects)
    assert [each["name"] for each in container["env"]] == ["NODE_NAME", "PYTHONMALLOC"]
    assert agent["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == 3
    assert operator_of(objects)["env"] == [{"name": "HTTPS_PROXY", "value": "proxy.example:3128"}]
    assert operator["spec"]["template"]["spec"]["priorityClassName"] == "system-cluster-critical"


@pytest.mark.parametrize("value", [0, "0%", "101%", "some", 1.5])
def test_a_pace_at_which_no_agent_is_replaced_is_refused(value: Any) -> None:
    with pytest.raises(helm_python.errors.HelmError, match="maxUnavailable"):
        render({**IMAGE, "agent": {"maxUnavailable": value}})


@pytest.mark.parametrize("value", [{"enabled": "yes"}, {"path": "/dev/kmsg"}])
def test_a_kernel_log_value_that_means_nothing_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(helm_python.errors.HelmError, match="kernelLog"):
        render({**IMAGE, "agent": {"kernelLog": value}})


def test_the_operator_may_patch_pods_but_never_delete_or_evict_them() -> None:
    role = named(render(IMAGE), "ClusterRole", "oomsight-operator")
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
    assert service["spec"]["ports"] == [{"name": "api", "port": 9757, "protocol": "TCP", "targetPort": "api"}]
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
    rules = [rule for objects in (plain, asking) for role in of_kind(objects, "ClusterRole") for rule in role["rules"]]
    assert [rule for rule in rules if "nodes/proxy" in rule["resources"]] == [
        {"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}
    ]
    role = named(plain, "ClusterRole", "oomsight-operator")
    nodes = [rule["verbs"] for rule in role["rules"] if "nodes" in rule["resources"]]
    assert nodes == [["list", "watch"]]


def test_prometheus_is_read_only_where_it_is_named() -> None:
    plain = render(IMAGE)
    assert not any("prometheus" in argument for argument in operator_of(plain)["args"])
    (deployment,) = of_kind(plain, "Deployment")
    assert [volume["name"] for volume in deployment["spec"]["template"]["spec"]["volumes"]] == ["tmp"]


def test_what_prometheus_asks_for_reaches_the_operator_as_settings_it_understands() -> None:
    objects = render(VALUES["tuned"])
    container = operator_of(objects)
    arguments = [argument for argument in container["args"] if "prometheus" in argument]
    assert arguments == [
        "--prometheus-url=https://mimir.example/prometheus",
        '--prometheus-matchers=cluster="prod-1"',
        "--prometheus-header=X-Scope-OrgID: team-a",
        "--prometheus-ca-file=/etc/oomsight/prometheus/ca.crt",
        "--prometheus-token-file=/etc/oomsight/prometheus/token",
    ]
    access = prometheus_access(load_settings(vars(make_parser().parse_args(["run", *container["args"]])), {}))
    assert access is not None
    assert access.header == ("X-Scope-OrgID", "team-a")
    assert {"name": "prometheus", "mountPath": "/etc/oomsight/prometheus", "readOnly": True} in container["volumeMounts"]
    (deployment,) = of_kind(objects, "Deployment")
    (volume,) = [each for each in deployment["spec"]["template"]["spec"]["volumes"] if each["name"] == "prometheus"]
    assert volume["projected"]["sources"] == [
        {"configMap": {"name": "authorities", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"secret": {"name": "prometheus-token", "items": [{"key": "bearer", "path": "token"}]}},
    ]
    role = ("Role", "oomsight-operator")
    assert named(objects, *role) == named(render(IMAGE), *role), "no right in the API is needed for it"


def test_an_upgrade_that_reuses_the_values_of_an_older_release_needs_the_url_alone() -> None:
    nothing = dict.fromkeys(("matchers", "header", "caConfigMap", "tokenSecret", "basicAuthSecret"))
    container = operator_of(render({**IMAGE, "operator": {"prometheus": {"url": "http://prometheus:9090", **nothing}}}))
    assert [argument for argument in container["args"] if "prometheus" in argument] == ["--prometheus-url=http://prometheus:9090"]


def test_a_password_for_prometheus_comes_from_a_secret() -> None:
    prometheus = {"url": "http://prometheus:9090", "basicAuthSecret": {"name": "login"}}
    container = operator_of(render({**IMAGE, "operator": {"prometheus": prometheus}}))
    assert "--prometheus-basic-auth-file=/etc/oomsight/prometheus/basic-auth" in container["args"]


@pytest.mark.parametrize(
    "value", [{"url": "http://me:secret@host"}, {"url": "prometheus:9090"}, {"tokenSecret": {"token": "x"}}, {"token": "x"}]
)
def test_a_value_of_prometheus_that_means_nothing_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(helm_python.errors.HelmError, match="prometheus"):
        render({**IMAGE, "operator": {"prometheus": value}})


@pytest.mark.parametrize("value", [{"api": {"port": 1}}, {"api": {"enabled": "yes"}}, {"readKubeletConfig": "yes"}])
def test_a_value_of_the_operator_that_means_nothing_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(helm_python.errors.HelmError, match=r"api|readKubeletConfig"):
        render({**IMAGE, "operator": value})


def test_helm_misses_an_icon_and_nothing_else() -> None:
    told = helm_python.lint(CHART, IMAGE, strict=True)
    assert [message["error"] for message in told["messages"]] == ["icon is recommended"], told
