"""The verbs over HTTP: create, read, update, patch, delete, status, dry run, preconditions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_sandbox.apiserver.conftest import MERGE, PODS, Client, make_pod

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


async def test_a_pod_is_created_with_what_a_real_server_fills_in(client: Client) -> None:
    pod = await client.post(PODS, {**make_pod(), "status": {"phase": "Running"}})
    assert (pod["kind"], pod["apiVersion"]) == ("Pod", "v1")
    assert pod["status"] == {"phase": "Pending", "qosClass": "Burstable"}
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"memory": "64Mi"}
    assert pod["spec"]["restartPolicy"] == "Always"
    assert pod["metadata"]["generation"] == 1


async def test_writes_to_a_pod_and_to_its_status_do_not_mix(client: Client) -> None:
    await client.post(PODS, make_pod())
    patched = await client.merge(f"{PODS}/web", {"metadata": {"annotations": {"a": "1"}}, "status": {"phase": "Running"}})
    assert patched["status"]["phase"] == "Pending"
    patched = await client.merge(f"{PODS}/web/status", {"spec": {"nodeName": "x"}, "status": {"phase": "Running"}})
    assert patched["status"]["phase"] == "Running"
    assert "nodeName" not in patched["spec"]
    assert patched["metadata"]["annotations"] == {"a": "1"}
    assert patched["metadata"]["generation"] == 1


async def test_an_update_from_an_old_version_is_a_conflict(client: Client) -> None:
    made = await client.post(CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    await client.merge(f"{CONFIG_MAPS}/c", {"data": {"a": "2"}})
    answer = await client.ask("PUT", f"{CONFIG_MAPS}/c", made)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert "the object has been modified" in answer.body["message"]
    unconditional = {key: value for key, value in made.items() if key != "metadata"} | {"metadata": {"name": "c"}}
    assert (await client.ask("PUT", f"{CONFIG_MAPS}/c", unconditional)).body["data"] == {"a": "1"}


async def test_a_lease_is_never_replaced_without_a_version(client: Client) -> None:
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}}
    await client.post(LEASES, lease)
    answer = await client.ask("PUT", f"{LEASES}/l", lease)
    assert answer.status == 422
    assert answer.body["details"]["causes"][0]["field"] == "metadata.resourceVersion"


@pytest.mark.parametrize("metadata", [{"uid": "another"}, {"resourceVersion": "1"}])
async def test_a_patch_for_another_object_or_version_is_a_conflict(client: Client, metadata: dict[str, str]) -> None:
    await client.post(PODS, make_pod())
    answer = await client.ask("PATCH", f"{PODS}/web", {"metadata": {**metadata, "annotations": {"a": "1"}}}, MERGE)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")


async def test_a_patch_that_changes_nothing_keeps_the_version(client: Client) -> None:
    made = await client.post(PODS, make_pod(app="web"))
    same = await client.merge(f"{PODS}/web", {"metadata": {"labels": {"app": "web"}}})
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_the_spec_of_a_pod_is_fixed_but_for_its_image(client: Client) -> None:
    await client.post(PODS, make_pod())
    strategic = "application/strategic-merge-patch+json"
    image = {"spec": {"containers": [{"name": "app", "image": "app:2"}]}}
    changed = await client.ask("PATCH", f"{PODS}/web", image, strategic)
    assert (changed.status, changed.body["metadata"]["generation"]) == (200, 2)
    limits = {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "1Gi"}}}]}}
    refused = await client.ask("PATCH", f"{PODS}/web", limits, strategic)
    assert refused.status == 422
    assert "pod updates may not change fields other than" in refused.body["message"]
    resized = await client.ask("PATCH", f"{PODS}/web/resize", limits, strategic)
    assert resized.body["spec"]["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}
    assert resized.body["spec"]["containers"][0]["image"] == "app:2"


async def test_a_binding_gives_a_pod_its_node_once(client: Client) -> None:
    await client.post(PODS, make_pod())
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "web"}, "target": {"kind": "Node", "name": "node-a"}}
    assert (await client.ask("POST", f"{PODS}/web/binding", binding)).status == 201
    assert (await client.get(f"{PODS}/web"))["spec"]["nodeName"] == "node-a"
    assert (await client.ask("POST", f"{PODS}/web/binding", binding)).status == 409


async def test_a_running_pod_terminates_until_its_kubelet_confirms(client: Client) -> None:
    await client.post(PODS, make_pod())
    await client.ask("POST", f"{PODS}/web/binding", {"target": {"name": "node-a"}})
    answer = await client.ask("DELETE", f"{PODS}/web")
    assert answer.body["metadata"]["deletionGracePeriodSeconds"] == 30
    assert (await client.ask("DELETE", f"{PODS}/web", {"gracePeriodSeconds": 0})).body["status"] == "Success"
    assert (await client.ask("GET", f"{PODS}/web")).status == 404


async def test_dry_runs_answer_as_if_and_store_nothing(client: Client) -> None:
    dry = {"dryRun": "All"}
    made = await client.ask("POST", PODS, make_pod(), params=dry)
    assert (made.status, made.body["metadata"]["name"]) == (201, "web")
    assert (await client.ask("GET", f"{PODS}/web")).status == 404
    await client.post(PODS, make_pod())
    assert (await client.ask("PATCH", f"{PODS}/web", {"metadata": {"labels": {"a": "b"}}}, MERGE, params=dry)).body["metadata"][
        "labels"
    ] == {"a": "b"}
    assert (await client.ask("DELETE", f"{PODS}/web", params=dry)).status == 200
    assert (await client.get(f"{PODS}/web"))["metadata"]["labels"] == {}
    assert (await client.ask("POST", PODS, make_pod("x"), params={"dryRun": "Some"})).status == 400


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"kind": "Node"}, 400, "does not match the expected kind"),
        ({"apiVersion": "v2"}, 400, "does not match the expected API version"),
        ({"metadata": {"name": "web", "namespace": "other"}}, 400, "does not match the namespace"),
        ({"metadata": {"name": "Web"}}, 422, "metadata.name"),
        ({"metadata": {}}, 422, "name or generateName is required"),
        ({"metadata": {"name": "web", "resourceVersion": "5"}}, 400, "resourceVersion should not be set"),
        ({"metadata": {"name": "web", "labels": {"a": 5}}}, 400, "metadata.labels.a: found number 5, expected of type string"),
        ({"metadata": {"name": "web", "labels": {"a b": "x"}}}, 422, "metadata.labels"),
        ({"spec": "text"}, 400, "spec: found string"),
        ({"spec": {"containers": []}}, 422, "spec.containers: Required value"),
        ({"spec": {}}, 422, "spec.containers: Required value"),
        (
            {"spec": {"containers": [{"name": "a", "image": "x", "resources": {"limits": {"memory": "much"}}}]}},
            422,
            "limits[memory]",
        ),
        (
            {
                "spec": {
                    "containers": [
                        {"name": "a", "image": "x", "resources": {"limits": {"memory": "1"}, "requests": {"memory": "2"}}}
                    ]
                }
            },
            422,
            "must be less than or equal to memory limit of 1",
        ),
        ({"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "a", "image": "x"}]}}, 422, 'Duplicate value: "a"'),
    ],
)
async def test_bad_pods_are_refused_and_the_field_named(client: Client, change: dict[str, Any], code: int, told: str) -> None:
    answer = await client.ask("POST", PODS, {**make_pod(), **change})
    assert answer.status == code, answer.body
    assert told in answer.body["message"]


async def test_unknown_fields_are_dropped_warned_about_or_refused(client: Client) -> None:
    pod = {**make_pod(), "typo": 1}
    strict = await client.ask("POST", PODS, pod, params={"fieldValidation": "Strict"})
    assert strict.status == 400
    assert 'strict decoding error: unknown field "typo"' in strict.body["message"]
    warned = await client.ask("POST", PODS, pod)
    assert warned.headers["Warning"] == '299 - "unknown field \\"typo\\""'
    assert "typo" not in warned.body
    assert "Warning" not in (await client.ask("PUT", f"{PODS}/web", pod, params={"fieldValidation": "Ignore"})).headers


async def test_a_collection_is_deleted_by_selector(client: Client) -> None:
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        await client.post(PODS, make_pod(name, app=app))
    answer = await client.ask("DELETE", PODS, params={"labelSelector": "app=x"})
    assert [item["metadata"]["name"] for item in answer.body["items"]] == ["a", "b"]
    assert [item["metadata"]["name"] for item in (await client.get(PODS))["items"]] == ["c"]


async def test_events_of_the_new_api_are_seen_by_the_old_one(client: Client) -> None:
    event = {
        "metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "oomsight.dev/operator",
        "reportingInstance": "o", "action": "Observe", "reason": "OOMKilled", "type": "Warning", "note": "killed",
        "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
    }  # fmt: skip
    new, old = "/apis/events.k8s.io/v1/namespaces/default/events", "/api/v1/namespaces/default/events"
    await client.post(new, event)
    series = {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}}
    assert (await client.merge(f"{new}/e", series))["note"] == "killed"
    found = (await client.get(old, fieldSelector="involvedObject.name=web,involvedObject.kind=Pod"))["items"]
    assert [(item["message"], item["series"]["count"]) for item in found] == [("killed", 2)]
    assert (await client.get(old, fieldSelector="involvedObject.name=other"))["items"] == []
    assert len((await client.get(new, fieldSelector="regarding.name=web"))["items"]) == 1
    refused = await client.ask("PATCH", f"{new}/e", {"note": "rewritten"}, MERGE)
    assert refused.status == 422


async def test_applying_server_side_creates_updates_and_conflicts(client: Client) -> None:
    path = f"{CONFIG_MAPS}/c"
    configuration = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    apply = "application/apply-patch+yaml"
    assert (await client.ask("PATCH", path, configuration, apply)).status == 400, "a field manager is required"
    made = await client.ask("PATCH", path, configuration, apply, params={"fieldManager": "one"})
    assert made.status == 201
    again = await client.ask("PATCH", path, configuration, apply, params={"fieldManager": "one"})
    assert again.body["metadata"]["resourceVersion"] == made.body["metadata"]["resourceVersion"]
    other = {**configuration, "data": {"a": "2"}}
    refused = await client.ask("PATCH", path, other, apply, params={"fieldManager": "two"})
    assert refused.status == 409
    assert refused.body["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    forced = await client.ask("PATCH", path, other, apply, params={"fieldManager": "two", "force": "true"})
    assert forced.body["data"] == {"a": "2"}
    in_yaml = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '3'}\n"
    answer = await client.ask("PATCH", path, content_type=apply, data=in_yaml, params={"fieldManager": "two"})
    assert answer.body["data"] == {"a": "3"}
