"""CEL rules of custom resources."""

from __future__ import annotations

from typing import Any

import pytest

from oomsight_sandbox.apiserver.cel import check_rules, validate


def schema(rule: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "x-kubernetes-validations": [{"rule": rule, "message": "must hold", **more}]}


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("has(self.a) != has(self.b)", {"a": 1}, {"a": 1, "b": 1}),
        ("self.low <= self.high", {"low": 1, "high": 2}, {"low": 3, "high": 2}),
        (
            "(self.op in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
            {"op": "In", "values": ["x"]},
            {"op": "In"},
        ),
        ("self.items.all(x, x.startsWith('a'))", {"items": ["ab"]}, {"items": ["ab", "b"]}),
        ("self.name.matches('^[a-z]+$')", {"name": "abc"}, {"name": "A"}),
        ("quantity(self.a).compareTo(quantity(self.b)) <= 0", {"a": "1Gi", "b": "2Gi"}, {"a": "1Gi", "b": "500M"}),
        ("isQuantity(self.a)", {"a": "1e3"}, {"a": "many"}),
    ],
)
def test_rules_hold_or_say_their_message(rule: str, good: Any, bad: Any) -> None:
    assert validate(good, None, schema(rule)) == []
    causes = validate({"spec": bad}, None, {"properties": {"spec": schema(rule)}})
    assert [(cause.field, cause.message) for cause in causes] == [("spec", 'Invalid value: "object": must hold')]


def test_transition_rules_are_checked_on_updates_only() -> None:
    rule = schema("self.a == oldSelf.a")
    assert validate({"a": 1}, None, rule) == []
    assert validate({"a": 1}, {"a": 1}, rule) == []
    assert len(validate({"a": 2}, {"a": 1}, rule)) == 1


def test_reason_field_path_and_message_expression_are_used() -> None:
    rule = schema("false", reason="FieldValueForbidden", fieldPath=".mode", messageExpression="'must not be ' + self.mode")
    causes = validate({"mode": "X"}, None, rule)
    assert [(cause.reason, cause.field, cause.message) for cause in causes] == [
        ("FieldValueForbidden", "mode", "Forbidden: must not be X")
    ]


def test_items_of_list_maps_are_compared_with_their_own_past() -> None:
    item = schema("self.v >= oldSelf.v")
    lists = {"properties": {"l": {"type": "array", "x-kubernetes-list-map-keys": ["k"], "items": item}}}
    old = {"l": [{"k": "a", "v": 5}, {"k": "b", "v": 1}]}
    causes = validate({"l": [{"k": "b", "v": 2}, {"k": "a", "v": 4}, {"k": "new", "v": 0}]}, old, lists)
    assert [cause.field for cause in causes] == ["l[1]"]


def test_a_rule_that_fails_to_evaluate_rejects_and_says_why() -> None:
    causes = validate({}, None, schema("self.missing > 1"))
    assert len(causes) == 1
    assert "no such member" in causes[0].message


def test_rules_that_do_not_compile_are_found_when_they_are_applied() -> None:
    nested = {"type": "object", "properties": {"a": {"type": "array", "items": schema("self. &&")}}}
    causes = check_rules(nested, "schema")
    assert [cause.field for cause in causes] == ["schema.properties[a].items.x-kubernetes-validations[0].rule"]
    assert check_rules(schema("self.a == 1"), "schema") == []
