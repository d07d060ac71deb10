"""What Helm makes at a certain moment: the default policy after the definitions, the cleanup before an uninstall, its test."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.helm.test_chart import IMAGE, POLICIES_ARE_DEFINED, named, of_kind, operator_of, render

from oomsight_operator.main import SERVICE, make_parser
from oomsight_operator.settings import Settings


def hooks(objects: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """When Helm makes what is none of the release's own, by kind and name."""
    annotated = [(item, item["metadata"].get("annotations") or {}) for item in objects]
    return {
        (item["kind"], item["metadata"]["name"]): annotations["helm.sh/hook"]
        for item, annotations in annotated
        if "helm.sh/hook" in annotations
    }


def test_an_install_that_brings_the_definitions_makes_the_policy_after_them() -> None:
    """Helm looks up every kind before it sends the first object, and ends with `no matches for kind` otherwise."""
    events = hooks(render(IMAGE))[("ClusterMemoryPolicy", "oomsight-default")]
    assert events == "post-install,post-upgrade,post-rollback"


def test_where_the_definitions_are_there_the_policy_is_the_releases_own() -> None:
    objects = render(IMAGE, api_versions=POLICIES_ARE_DEFINED)
    assert ("ClusterMemoryPolicy", "oomsight-default") not in hooks(objects)
    assert named(objects, "ClusterMemoryPolicy", "oomsight-default")["spec"] == {"defaults": {}}


@pytest.mark.parametrize("api_versions", [(), POLICIES_ARE_DEFINED])
def test_a_release_may_take_over_the_policy_that_its_hook_made(api_versions: tuple[str, ...]) -> None:
    """By what Helm asks of an object that it did not make (helm pkg/action/validate.go)."""
    metadata = named(render(IMAGE, api_versions=api_versions), "ClusterMemoryPolicy", "oomsight-default")["metadata"]
    assert metadata["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert metadata["annotations"]["meta.helm.sh/release-name"] == "oomsight"
    assert metadata["annotations"]["meta.helm.sh/release-namespace"] == "oomsight-system"


def test_an_uninstall_cleans_up_first_with_an_account_that_lives_only_for_it() -> None:
    objects = render(IMAGE)
    cleanup = [item for item in objects if item["metadata"]["name"] == "oomsight-cleanup"]
    kinds = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Job"}
    assert {item["kind"] for item in cleanup} == kinds
    assert {(kind, "oomsight-cleanup"): "pre-delete" for kind in kinds}.items() <= hooks(objects).items()
    weights = {item["kind"]: int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in cleanup}
    assert max(weights, key=lambda kind: weights[kind]) == "Job", "its rights are there before it starts"
    assert {item["metadata"]["annotations"]["helm.sh/hook-delete-policy"] for item in cleanup} == {
        "before-hook-creation,hook-succeeded"
    }
    pod = named(objects, "Job", "oomsight-cleanup")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "oomsight-cleanup"
    (container,) = pod["containers"]
    words = [*container["command"], *container["args"]]
    make_parser().parse_args(words[1:])
    assert container["image"] == operator_of(objects)["image"]
    lease, deployment = (named(objects, "Role", "oomsight-cleanup")["rules"][number]["resourceNames"] for number in (1, 0))
    assert lease == [Settings().lease_name]
    assert deployment == [item["metadata"]["name"] for item in of_kind(objects, "Deployment")]


def test_a_policy_that_the_chart_did_not_make_is_not_deleted_by_it() -> None:
    objects = render({**IMAGE, "defaultPolicy": {"create": False}})
    rules = named(objects, "ClusterRole", "oomsight-cleanup")["rules"]
    assert not any("clustermemorypolicies" in rule["resources"] for rule in rules)
    assert "--delete-policy" not in json.dumps(named(objects, "Job", "oomsight-cleanup"))


def test_helms_test_asks_the_operators_api_with_the_right_to_that_alone() -> None:
    objects = render(IMAGE)
    test = [item for item in objects if item["metadata"]["name"] == "oomsight-test"]
    assert {item["kind"] for item in test} == {"ServiceAccount", "Role", "RoleBinding", "Pod"}
    assert {hooks(objects)[(item["kind"], "oomsight-test")] for item in test} == {"test"}
    (service,), (agent,) = of_kind(objects, "Service"), of_kind(objects, "DaemonSet")
    assert service["metadata"]["name"] == SERVICE
    assert named(objects, "Role", "oomsight-test")["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["services/proxy"],
            "verbs": ["get"],
            "resourceNames": [f"{SERVICE}:{service['spec']['ports'][0]['name']}"],
        },
        {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["get"], "resourceNames": [agent["metadata"]["name"]]},
    ]
    pod = named(objects, "Pod", "oomsight-test")["spec"]
    (container,) = pod["containers"]
    make_parser().parse_args([*container["command"], *container["args"]][1:])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_without_the_api_of_nodes_there_is_nothing_for_helms_test_to_ask() -> None:
    assert "test" not in hooks(render({**IMAGE, "operator": {"api": {"enabled": False}}})).values()


def test_the_cleanup_can_be_switched_off() -> None:
    objects = render({**IMAGE, "cleanup": {"enabled": False}})
    assert "oomsight-cleanup" not in {item["metadata"]["name"] for item in objects}


def test_an_upgrade_that_reuses_the_values_of_an_older_release_cleans_up_all_the_same() -> None:
    older = {**IMAGE, "cleanup": None, "agent": {"maxUnavailable": None, "extraEnv": None}, "operator": {"extraEnv": None}}
    objects = render(older)
    assert named(objects, "Job", "oomsight-cleanup")["spec"]["template"]["spec"]["containers"][0]["resources"] is None
    (agent,) = of_kind(objects, "DaemonSet")
    assert agent["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == "10%"
