"""Pods at the API server: defaults, QoS class, limits of change."""

from __future__ import annotations

from typing import Any

import pytest

from oomsight_sandbox.apiserver.pods import bind, default_pod_spec, default_pod_status, qos_class, resize, validate_pod_update


def spec(*resources: dict[str, Any], init: dict[str, Any] | None = None) -> dict[str, Any]:
    containers = [{"name": f"c{index}", "image": "app:1", "resources": found} for index, found in enumerate(resources)]
    return {
        "containers": containers,
        "initContainers": [{"name": "i", "image": "x", "resources": init}] if init is not None else [],
    }


def both(cpu: str, memory: str) -> dict[str, Any]:
    return {"limits": {"cpu": cpu, "memory": memory}, "requests": {"cpu": cpu, "memory": memory}}


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (spec({}), "BestEffort"),
        (spec({"requests": {"memory": "0"}}), "BestEffort"),
        (spec({"limits": {"ephemeral-storage": "1Gi"}}), "BestEffort"),
        (spec(both("1", "1Gi")), "Guaranteed"),
        (spec({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}), "Guaranteed"),
        (spec(both("1", "1Gi"), {}), "Burstable"),
        (spec(both("1", "1Gi"), init={}), "Burstable"),
        (spec({"limits": {"memory": "1Gi"}, "requests": {"memory": "1Gi"}}), "Burstable"),
        (spec({"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}), "Burstable"),
    ],
)
def test_the_qos_class_is_the_kubelets(pod: dict[str, Any], expected: str) -> None:
    assert qos_class(pod) == expected


def test_a_limit_without_a_request_is_a_request_and_so_decides_the_class() -> None:
    pod = spec({"limits": {"cpu": "1", "memory": "1Gi"}})
    default_pod_spec(pod, pod=True)
    assert pod["containers"][0]["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}
    assert default_pod_status(pod) == {"phase": "Pending", "qosClass": "Guaranteed"}


def test_a_template_gets_no_defaults_of_admission() -> None:
    template = spec({"limits": {"memory": "1Gi"}})
    default_pod_spec(template, pod=False)
    assert "requests" not in template["containers"][0]["resources"]
    assert "tolerations" not in template
    assert template["restartPolicy"] == "Always"


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("app", "Always"),
        ("app:latest", "Always"),
        ("app:1", "IfNotPresent"),
        ("localhost:5000/app", "Always"),
        ("app@sha256:0", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    pod = {"containers": [{"name": "a", "image": image}]}
    default_pod_spec(pod, pod=True)
    assert pod["containers"][0]["imagePullPolicy"] == policy


def test_defaults_are_stable() -> None:
    pod = spec(both("1", "1Gi"))
    pod["volumes"] = [{"name": "a"}, {"name": "b", "configMap": {"name": "c"}}]
    default_pod_spec(pod, pod=True)
    again = {**pod}
    default_pod_spec(again, pod=True)
    assert again == pod
    assert pod["volumes"] == [{"name": "a", "emptyDir": {}}, {"name": "b", "configMap": {"name": "c", "defaultMode": 420}}]


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"activeDeadlineSeconds": 5}, True),
        ({"containers": [{"name": "c0", "image": "app:2", "resources": {}}]}, True),
        ({"containers": [{"name": "c0", "image": "app:1", "resources": {"limits": {"memory": "1"}}}]}, False),
        ({"containers": []}, False),
        ({"nodeName": "node-a"}, False),
        ({"restartPolicy": "Never"}, False),
    ],
)
def test_what_may_change_in_a_pod(change: dict[str, Any], allowed: bool) -> None:
    old = {"spec": spec({})}
    assert (validate_pod_update({"spec": {**old["spec"], **change}}, old) == []) is allowed


def test_a_resize_takes_resources_and_nothing_else() -> None:
    old = {"metadata": {"name": "web"}, "spec": spec({}, both("1", "1Gi"))}
    wanted = {"spec": {"containers": [{"name": "c0", "image": "other", "resources": both("2", "2Gi")}]}}
    resized = resize(old, wanted)
    assert resized["spec"]["containers"][0] == {"name": "c0", "image": "app:1", "resources": both("2", "2Gi")}
    assert resized["spec"]["containers"][1] == old["spec"]["containers"][1]


def test_a_bound_pod_is_scheduled() -> None:
    bound = bind({"spec": {}, "status": {"conditions": [{"type": "PodScheduled", "status": "False"}]}}, "node-a", 0.0)
    assert bound["spec"]["nodeName"] == "node-a"
    assert bound["status"]["conditions"] == [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": "1970-01-01T00:00:00Z"}
    ]
