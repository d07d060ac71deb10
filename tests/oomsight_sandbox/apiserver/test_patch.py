"""Patches: RFC 7396, RFC 6902 and Kubernetes' strategic merge."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.apiserver.patch import PatchError, json_patch, merge_patch, strategic_merge_patch

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=5), child, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text(max_size=5), JSON, max_size=4)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # the examples of RFC 7396's appendix
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_follow_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_applied_twice_is_applied_once_and_leaves_its_target_alone(target: Any, patch: Any) -> None:
    before = copy.deepcopy(target)
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert target == before


def test_json_patches_add_remove_and_test() -> None:
    target = {"metadata": {"annotations": {"a.dev/x": "1"}}}
    operations = [
        {"op": "test", "path": "/metadata/annotations/a.dev~1x", "value": "1"},
        {"op": "replace", "path": "/metadata/annotations/a.dev~1x", "value": "2"},
        {"op": "add", "path": "/spec", "value": {}},
    ]
    assert json_patch(target, operations) == {"metadata": {"annotations": {"a.dev/x": "2"}}, "spec": {}}
    assert target == {"metadata": {"annotations": {"a.dev/x": "1"}}}


@pytest.mark.parametrize(
    ("operations", "malformed"),
    [
        ({"op": "add"}, True),
        (["add"], True),
        ([{"op": "grow", "path": "/a"}], True),
        ([{"op": "remove", "path": "/missing"}], False),
        ([{"op": "test", "path": "/a", "value": 2}], False),
        ([{"op": "add", "path": "/a/b/c", "value": 2}], False),
        ([{"op": "add", "path": "/a"}] * 10_001, True),
    ],
)
def test_json_patches_that_do_not_apply_are_told_from_malformed_ones(operations: Any, malformed: bool) -> None:
    with pytest.raises(PatchError) as refused:
        json_patch({"a": 1}, operations)
    assert refused.value.malformed is malformed


@given(
    OBJECTS, JSON | st.lists(st.fixed_dictionaries({"op": st.sampled_from(["add", "move", "copy"]), "path": JSON, "value": JSON}))
)
def test_any_json_patch_applies_or_is_refused(target: Any, operations: Any) -> None:
    try:
        json_patch(target, operations)
    except PatchError:
        pass


def containers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(items)}}


def test_containers_are_merged_by_name() -> None:
    target = containers({"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"})
    patched = strategic_merge_patch(target, containers({"name": "b", "image": "y:2"}, {"name": "c", "image": "z:1"}))
    assert patched == containers({"name": "a", "image": "x:1"}, {"name": "b", "image": "y:2"}, {"name": "c", "image": "z:1"})


def test_conditions_are_merged_by_type_and_null_removes_a_field() -> None:
    target = {"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "X"}, {"type": "Other", "status": "True"}]}}
    patch = {"status": {"conditions": [{"type": "Ready", "status": "True", "reason": None}]}}
    expected = {"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "True"}]}}
    assert strategic_merge_patch(target, patch) == expected


def test_directives_delete_replace_and_order_items() -> None:
    target = containers({"name": "a"}, {"name": "b"}, {"name": "c"})
    deleted = strategic_merge_patch(target, containers({"name": "b", "$patch": "delete"}))
    assert [item["name"] for item in deleted["spec"]["containers"]] == ["a", "c"]
    replaced = strategic_merge_patch(target, containers({"$patch": "replace"}, {"name": "z"}))
    assert replaced == containers({"name": "z"})
    ordered = strategic_merge_patch(
        target,
        {
            "spec": {
                "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}, {"name": "b"}],
                "containers": [{"name": "a", "x": 1}],
            }
        },
    )
    assert [item["name"] for item in ordered["spec"]["containers"]] == ["c", "a", "b"]


def test_ports_of_containers_and_of_services_have_their_own_keys() -> None:
    target = {"ports": [{"containerPort": 80, "protocol": "TCP"}]}
    assert strategic_merge_patch(target, {"ports": [{"containerPort": 80, "name": "web"}]}) == {
        "ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}]
    }
    assert len(strategic_merge_patch({"ports": [{"port": 80}]}, {"ports": [{"port": 81}]})["ports"]) == 2


def test_finalizers_are_a_set_and_other_lists_are_replaced() -> None:
    target = {"metadata": {"finalizers": ["a", "b"]}, "args": ["x", "y"]}
    patch = {"metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]}, "args": ["z"]}
    assert strategic_merge_patch(target, patch) == {"metadata": {"finalizers": ["b", "c"]}, "args": ["z"]}


def test_retain_keys_drops_what_is_not_named() -> None:
    target = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    patch = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
    assert strategic_merge_patch(target, patch) == {"strategy": {"type": "Recreate"}}


def test_an_item_without_its_merge_key_is_refused() -> None:
    with pytest.raises(PatchError, match="lacks its merge key"):
        strategic_merge_patch(containers({"name": "a"}), containers({"image": "x"}))


@given(OBJECTS, OBJECTS)
def test_any_strategic_patch_applies_or_is_refused(target: Any, patch: Any) -> None:
    try:
        strategic_merge_patch(target, patch)
    except PatchError:
        pass
