"""Custom resources over HTTP: a definition is served at once, held to its schema, and takes its objects along."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oomsight_sandbox.apiserver.conftest import CRDS, MERGE, WIDGETS, Client, make_definition, make_widget


async def test_a_definition_is_established_and_served_at_once(client: Client) -> None:
    definition = await client.post(CRDS, make_definition())
    assert {found["type"]: found["status"] for found in definition["status"]["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert definition["spec"]["names"]["listKind"] == "WidgetList"
    found = await client.get("/apis/example.dev/v1")
    assert [resource["name"] for resource in found["resources"]] == ["widgets", "widgets/status"]
    assert "example.dev" in [group["name"] for group in (await client.get("/apis"))["groups"]]
    listed = await client.get(WIDGETS)
    assert (listed["kind"], listed["items"]) == ("WidgetList", [])


async def test_defaults_bounds_enums_rules_and_required_fields_hold(client: Client) -> None:
    await client.post(CRDS, make_definition())
    assert (await client.post(WIDGETS, make_widget()))["spec"] == {"size": 1, "mode": "Off"}
    bad = {"size": 11, "mode": "Maybe"}
    answer = await client.ask("POST", WIDGETS, make_widget("two", **bad))
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["spec.size", "spec.mode"]
    answer = await client.ask("POST", WIDGETS, make_widget("two", low=2, high=1))
    assert answer.body["message"] == 'Widget.example.dev "two" is invalid: spec: Invalid value: "object": must be ordered'
    answer = await client.ask("POST", WIDGETS, {**make_widget("two"), "spec": {}})
    assert answer.body["details"]["causes"][0] == {
        "reason": "FieldValueRequired",
        "message": "Required value",
        "field": "spec.size",
    }


async def test_unknown_fields_of_custom_resources_are_pruned_or_refused(client: Client) -> None:
    await client.post(CRDS, make_definition())
    pruned = await client.ask("POST", WIDGETS, make_widget(colour="red"))
    assert "colour" not in pruned.body["spec"]
    assert "spec.colour" in pruned.headers["Warning"]
    refused = await client.ask("POST", WIDGETS, make_widget("two", colour="red"), params={"fieldValidation": "Strict"})
    assert refused.status == 400
    assert 'unknown field "spec.colour"' in refused.body["message"]


async def test_status_is_apart_and_generation_counts_specs(client: Client) -> None:
    await client.post(CRDS, make_definition())
    made = await client.post(WIDGETS, {**make_widget(), "status": {"ready": True}})
    assert "status" not in made
    ready = await client.merge(
        f"{WIDGETS}/one/status", {"status": {"ready": True}, "spec": {"size": 9}, "metadata": {"labels": {"a": "b"}}}
    )
    assert (ready["status"], ready["spec"]["size"], ready["metadata"]["generation"]) == ({"ready": True}, 1, 1)
    assert "labels" not in ready["metadata"]
    grown = await client.merge(f"{WIDGETS}/one", {"spec": {"size": 2}, "status": {"ready": False}})
    assert (grown["status"], grown["metadata"]["generation"]) == ({"ready": True}, 2)
    labelled = await client.merge(f"{WIDGETS}/one", {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 2


async def test_strategic_merge_is_not_for_custom_resources(client: Client) -> None:
    await client.post(CRDS, make_definition())
    await client.post(WIDGETS, make_widget())
    answer = await client.ask("PATCH", f"{WIDGETS}/one", {"spec": {}}, "application/strategic-merge-patch+json")
    assert answer.status == 415


async def test_a_changed_definition_counts_for_the_next_write(client: Client) -> None:
    await client.post(CRDS, make_definition())
    path = f"{CRDS}/widgets.example.dev"
    size = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size/maximum"
    answer = await client.ask("PATCH", path, [{"op": "replace", "path": size, "value": 100}], "application/json-patch+json")
    assert (answer.status, answer.body["metadata"]["generation"]) == (200, 2)
    assert (await client.post(WIDGETS, make_widget(size=50)))["spec"]["size"] == 50


async def test_a_deleted_definition_takes_its_objects_along_and_waits_for_held_ones(client: Client) -> None:
    await client.post(CRDS, make_definition())
    await client.post(WIDGETS, make_widget("free"))
    held = make_widget("held")
    held["metadata"]["finalizers"] = ["example.dev/hold"]
    await client.post(WIDGETS, held)
    await client.ask("DELETE", f"{CRDS}/widgets.example.dev")
    assert [item["metadata"]["name"] for item in (await client.get(WIDGETS))["items"]] == ["held"]
    assert (await client.ask("PATCH", f"{WIDGETS}/held", {"metadata": {"finalizers": None}}, MERGE)).status == 200
    assert (await client.ask("GET", WIDGETS)).status == 404
    assert (await client.ask("GET", f"{CRDS}/widgets.example.dev")).status == 404


async def test_versions_share_their_objects(client: Client) -> None:
    definition = make_definition()
    version = definition["spec"]["versions"][0]
    definition["spec"]["versions"].append({**version, "name": "v2", "storage": False})
    await client.post(CRDS, definition)
    await client.post(WIDGETS, make_widget())
    found = await client.get(WIDGETS.replace("/v1/", "/v2/") + "/one")
    assert (found["apiVersion"], found["spec"]["size"]) == ("example.dev/v2", 1)


def _changed(path: list[Any], value: Any) -> dict[str, Any]:
    definition = make_definition()
    node: Any = definition
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return definition


SCHEMA = ["spec", "versions", 0, "schema", "openAPIV3Schema"]


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        (_changed(["metadata", "name"], "gadgets.example.dev"), "metadata.name"),
        (_changed(["spec", "scope"], "Galaxy"), "spec.scope"),
        (_changed(["spec", "versions", 0, "storage"], False), "spec.versions"),
        (_changed([*SCHEMA, "type"], "string"), "spec.versions[0].schema.openAPIV3Schema.type"),
        (
            _changed([*SCHEMA, "properties", "spec", "type"], "thing"),
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].type",
        ),
        (
            _changed([*SCHEMA, "properties", "list"], {"type": "array"}),
            "spec.versions[0].schema.openAPIV3Schema.properties[list].items",
        ),
        (
            _changed([*SCHEMA, "properties", "x"], {"type": "string", "pattern": "("}),
            "spec.versions[0].schema.openAPIV3Schema.properties[x].pattern",
        ),
        (
            _changed([*SCHEMA, "x-kubernetes-validations"], [{"rule": "self. &&"}]),
            "spec.versions[0].schema.openAPIV3Schema.x-kubernetes-validations[0].rule",
        ),
    ],
)
async def test_bad_definitions_are_refused_and_the_field_named(client: Client, definition: dict[str, Any], field: str) -> None:
    answer = await client.ask("POST", CRDS, definition)
    assert answer.status == 422, answer.body
    assert field in [cause["field"] for cause in answer.body["details"]["causes"]]
