"""Structural schemas: pruning, defaults, validation, in upstream's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.apiserver.structural import apply_defaults, compile_pattern, prune, validate


def told(value: Any, schema: dict[str, Any]) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in validate({"v": value}, {"type": "object", "properties": {"v": schema}})]


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("x", {"type": "integer"}, 'v: Invalid value: "string": v in body must be of type integer: "string"'),
        (True, {"type": "integer"}, 'v: Invalid value: "boolean": v in body must be of type integer: "boolean"'),
        (None, {"type": "string"}, 'v: Invalid value: "null": v in body must be of type string: "null"'),
        (
            1.5,
            {"x-kubernetes-int-or-string": True},
            'v: Invalid value: "number": v in body must be of type integer,string: "number"',
        ),
        ("c", {"type": "string", "enum": ["a", "b"]}, 'v: Unsupported value: "c": supported values: "a", "b"'),
        (0, {"type": "integer", "minimum": 1}, "v: Invalid value: 0: v in body should be greater than or equal to 1"),
        (9, {"type": "integer", "maximum": 5}, "v: Invalid value: 9: v in body should be less than or equal to 5"),
        (5, {"type": "integer", "maximum": 5, "exclusiveMaximum": True}, "v: Invalid value: 5: v in body should be less than 5"),
        ("abc", {"type": "string", "maxLength": 2}, "v: Too long: may not be more than 2 bytes"),
        ("", {"type": "string", "minLength": 1}, 'v: Invalid value: "": v in body should be at least 1 chars long'),
        ("ab", {"type": "string", "pattern": "^a$"}, "v: Invalid value: \"ab\": v in body should match '^a$'"),
        ([1, 2], {"type": "array", "maxItems": 1, "items": {"type": "integer"}}, "v: Too many: 2: must have at most 1 items"),
        ({}, {"type": "object", "required": ["name"]}, "v.name: Required value"),
        (
            "yesterday",
            {"type": "string", "format": "date-time"},
            'v: Invalid value: "yesterday": v in body must be of type date-time: "yesterday"',
        ),
    ],
)
def test_what_is_wrong_is_said_as_upstream_says_it(value: Any, schema: dict[str, Any], expected: str) -> None:
    assert told(value, schema) == [expected]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (3, {"type": "integer"}),
        (3, {"type": "number"}),
        (3, {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ("512Mi", {"x-kubernetes-int-or-string": True}),
        (None, {"type": "string", "nullable": True}),
        ("2026-01-01T00:00:00Z", {"type": "string", "format": "date-time"}),
        ({"any": ["thing"]}, {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
    ],
)
def test_what_fits_is_accepted(value: Any, schema: dict[str, Any]) -> None:
    assert told(value, schema) == []


def test_items_and_maps_are_walked_and_named() -> None:
    schema = {
        "type": "object",
        "properties": {"list": {"type": "array", "items": {"type": "object", "required": ["id"]}}},
        "additionalProperties": {"type": "string"},
    }
    causes = validate({"list": [{"id": 1}, {}], "other": 5}, schema)
    assert [(cause.field, cause.reason) for cause in causes] == [
        ("list[1].id", "FieldValueRequired"),
        ("other", "FieldValueTypeInvalid"),
    ]


def test_list_maps_have_unique_keys_and_sets_unique_items() -> None:
    conditions = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {"type": "object"},
    }
    assert told([{"type": "A"}, {"type": "A"}], conditions) == ['v[1]: Duplicate value: {"type": "A"}']
    assert told(["a", "a"], {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}) == [
        'v[1]: Duplicate value: "a"'
    ]


def test_unknown_fields_are_pruned_and_named() -> None:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"a": {"type": "string"}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "list": {"type": "array", "items": {"type": "object", "properties": {"b": {}}}},
        },
    }
    value = {
        "kind": "X",
        "metadata": {"name": "x"},
        "spec": {"a": "1", "typo": 2},
        "free": {"z": 1},
        "list": [{"b": 1, "c": 2}],
        "top": 1,
    }
    pruned, unknown = prune(value, schema, root=True)
    assert unknown == ["spec.typo", "list[0].c", "top"]
    assert pruned == {"kind": "X", "metadata": {"name": "x"}, "spec": {"a": "1"}, "free": {"z": 1}, "list": [{"b": 1}]}


def test_defaults_are_filled_in_deeply_and_belong_to_the_object_alone() -> None:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "default": {}, "properties": {"mode": {"type": "string", "default": "Off"}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer", "default": 3}}}},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"m": {"default": []}}}},
        },
    }
    value: dict[str, Any] = {"list": [{}, {"n": 1}], "map": {"a": {}}}
    apply_defaults(value, schema)
    assert value == {"spec": {"mode": "Off"}, "list": [{"n": 3}, {"n": 1}], "map": {"a": {"m": []}}}
    value["map"]["a"]["m"].append(1)
    again: dict[str, Any] = {"map": {"a": {}}}
    apply_defaults(again, schema)
    assert again["map"]["a"]["m"] == []


def test_a_null_where_a_default_stands_counts_as_absent() -> None:
    value: dict[str, Any] = {"mode": None, "keep": None}
    apply_defaults(value, {"properties": {"mode": {"default": "Off"}, "keep": {"default": "x", "nullable": True}}})
    assert value == {"mode": "Off", "keep": None}


def test_patterns_are_those_of_re2() -> None:
    assert not compile_pattern("^a$").search("a\n")
    with pytest.raises(ValueError, match="error parsing regexp"):
        compile_pattern("(?<!a)b")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), child, max_size=3),
    max_leaves=12,
)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "integer", "default": 1}}}},
        "b": {"type": "string", "default": "x", "pattern": "^x*$"},
    },
}


@given(ANY)
def test_any_value_is_pruned_and_validated_without_an_accident(value: Any) -> None:
    pruned, _ = prune(value, SCHEMA)
    apply_defaults(pruned, SCHEMA)
    again, unknown = prune(pruned, SCHEMA)
    assert unknown == []
    assert again == pruned
    assert bool(validate(pruned, SCHEMA)) or isinstance(pruned, dict)
