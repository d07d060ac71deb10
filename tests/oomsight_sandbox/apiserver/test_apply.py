"""Server-side apply: whose field is it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.apiserver.apply import ApplyConflict, apply, read_fields, write_fields

NOW = 1_700_000_000.0


def document(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec}


def applied(live: dict[str, Any], configuration: dict[str, Any], manager: str, **options: Any) -> dict[str, Any]:
    schema = options.pop("schema", None)
    result, conflicts = apply(
        live, configuration, manager=manager, force=options.pop("force", False), schema=schema, now_seconds=NOW
    )
    assert conflicts == []
    return result


def managers(live: dict[str, Any]) -> list[str]:
    return [entry["manager"] for entry in live["metadata"]["managedFields"]]


def test_a_first_application_creates_and_remembers_who_said_what() -> None:
    live = applied({}, document(replicas=2), "kubectl")
    entry = live["metadata"]["managedFields"][0]
    assert live["spec"] == {"replicas": 2}
    assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    assert (entry["manager"], entry["operation"], entry["fieldsType"]) == ("kubectl", "Apply", "FieldsV1")


def test_what_a_manager_no_longer_says_goes_away() -> None:
    live = applied(applied({}, document(a=1, b=2), "kubectl"), document(a=1), "kubectl")
    assert live["spec"] == {"a": 1}


def test_fields_that_nobody_applied_stay() -> None:
    live = applied({}, document(a=1), "kubectl")
    live["spec"]["written"] = "by an ordinary update"
    assert applied(live, document(a=2), "kubectl")["spec"] == {"a": 2, "written": "by an ordinary update"}


def test_two_managers_that_disagree_conflict_and_force_decides() -> None:
    live = applied({}, document(replicas=2), "kubectl")
    unchanged, conflicts = apply(live, document(replicas=3), manager="scaler", force=False, schema=None, now_seconds=NOW)
    assert conflicts == [ApplyConflict("kubectl", ".spec.replicas")]
    assert unchanged is live
    forced = applied(live, document(replicas=3), "scaler", force=True)
    assert forced["spec"] == {"replicas": 3}
    assert managers(forced) == ["scaler"], "kubectl owned nothing else"


def test_two_managers_that_agree_share_and_the_field_stays_until_both_let_go() -> None:
    live = applied(applied({}, document(a=1), "one"), document(a=1), "two")
    assert managers(live) == ["one", "two"]
    assert applied(live, document(b=1), "one")["spec"] == {"a": 1, "b": 1}


def test_list_items_with_keys_belong_to_who_applied_them() -> None:
    def containers(*names: str) -> dict[str, Any]:
        return document(containers=[{"name": name, "image": f"{name}:1"} for name in names])

    live = applied(applied({}, containers("app"), "one"), containers("sidecar"), "two")
    assert [item["name"] for item in live["spec"]["containers"]] == ["app", "sidecar"]
    left = applied(live, document(), "one")
    assert [item["name"] for item in left["spec"]["containers"]] == ["sidecar"]


def test_custom_resources_merge_by_the_keys_of_their_schema() -> None:
    lists = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"], "items": {"type": "object"}}
    schema = {"properties": {"spec": {"properties": {"parts": lists, "plain": {"type": "array"}}}}}
    live = applied({}, document(parts=[{"id": 1}], plain=[1]), "one", schema=schema)
    merged, conflicts = apply(
        live, document(parts=[{"id": 2}], plain=[2]), manager="two", force=False, schema=schema, now_seconds=NOW
    )
    assert [conflict.field for conflict in conflicts] == [".spec.plain"]
    merged = applied(live, document(parts=[{"id": 2}]), "two", schema=schema)
    assert merged["spec"]["parts"] == [{"id": 1}, {"id": 2}]


STEPS = st.one_of(
    st.from_regex(r"f:[a-z/.]{1,6}", fullmatch=True), st.sampled_from(['k:{"name":"x"}', 'k:{"a":1,"b":null}', 'v:"x"', "v:1"])
)


@given(st.sets(st.lists(STEPS, min_size=1, max_size=4).map(tuple), max_size=6))
def test_fields_survive_being_written_and_read(paths: set[tuple[str, ...]]) -> None:
    leaves = {path for path in paths if not any(other != path and other[: len(path)] == path for other in paths)}
    assert read_fields(write_fields(leaves)) == leaves


@pytest.mark.parametrize("tree", [None, 5, {"x": {}}, {"k:not json": {}}, {"k:[1]": {}}, {"v:": {}}])
def test_forged_managed_fields_own_nothing(tree: Any) -> None:
    assert read_fields(tree) == set()
