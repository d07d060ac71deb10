"""Label and field selectors as the API reads them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.apiserver.selectors import (
    FieldRequirement,
    Selection,
    field_text,
    parse_field_selector,
    parse_label_selector,
)


def labelled(**labels: str) -> dict[str, Any]:
    return {"metadata": {"name": "web", "namespace": "shop", "labels": labels}}


@pytest.mark.parametrize(
    ("selector", "matches", "rejects"),
    [
        ("app=web", {"app": "web"}, {"app": "db"}),
        ("app==web", {"app": "web"}, {}),
        ("app!=web", {}, {"app": "web"}),
        ("app in (web, db)", {"app": "db"}, {"app": "x"}),
        ("app notin (web)", {}, {"app": "web"}),
        ("app", {"app": ""}, {}),
        ("!app", {}, {"app": "web"}),
        ("app=,tier", {"app": "", "tier": "x"}, {"app": "web", "tier": "x"}),
        ("a.b/c in (x),!d", {"a.b/c": "x"}, {"a.b/c": "x", "d": ""}),
        ("weight>3", {"weight": "4"}, {"weight": "3"}),
        ("weight<3", {"weight": "2"}, {"weight": "many"}),
    ],
)
def test_label_selectors_choose(selector: str, matches: dict[str, str], rejects: dict[str, str]) -> None:
    selection = Selection(parse_label_selector(selector))
    assert selection.matches({"metadata": {"labels": matches}})
    assert not selection.matches({"metadata": {"labels": rejects}})


def test_an_object_without_labels_is_chosen_by_an_empty_selector_only() -> None:
    assert Selection().matches({"metadata": {}})
    assert not Selection(parse_label_selector("app")).matches({"metadata": {}})


@pytest.mark.parametrize(
    "selector", ["app=web=", "app in web", "a b", ",app", "app,", "=x", "app=$", "app in (web", "!", "a" * 300]
)
def test_bad_label_selectors_are_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="unable to parse"):
        parse_label_selector(selector)


def test_field_selectors_choose_and_reject() -> None:
    fields = parse_field_selector("spec.nodeName=node-a,status.phase!=Running")
    chosen = {"metadata": {}, "spec": {"nodeName": "node-a"}, "status": {"phase": "Pending"}}
    assert Selection(fields=fields).matches(chosen)
    assert not Selection(fields=fields).matches({**chosen, "status": {"phase": "Running"}})
    assert not Selection(fields=fields).matches({**chosen, "spec": {}})


def test_field_selectors_unescape_values() -> None:
    assert parse_field_selector(r"metadata.name=a\,b\=c\\d") == (FieldRequirement("metadata.name", True, r"a,b=c\d"),)


@pytest.mark.parametrize("selector", ["metadata.name", "=x", "a=b=c", r"a=\x"])
def test_bad_field_selectors_are_refused(selector: str) -> None:
    with pytest.raises(ValueError, match=r"selector"):
        parse_field_selector(selector)


def test_absent_fields_compare_as_empty_and_booleans_as_go_prints_them() -> None:
    assert field_text({}, "spec.nodeName") == ""
    assert field_text({"spec": {"unschedulable": True}}, "spec.unschedulable") == "true"
    assert field_text({"spec": "text"}, "spec.nodeName") == ""


def test_a_namespace_is_part_of_the_selection() -> None:
    assert Selection(namespace="shop").matches(labelled())
    assert not Selection(namespace="other").matches(labelled())


@given(st.text(max_size=80))
def test_any_text_is_a_selector_or_a_value_error(text: str) -> None:
    for parse in (parse_label_selector, parse_field_selector):
        try:
            parsed = parse(text)
        except ValueError:
            continue
        assert isinstance(parsed, tuple)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.from_regex(r"[a-z0-9]{0,8}", fullmatch=True), max_size=5))
def test_the_selector_of_an_objects_own_labels_chooses_it(labels: dict[str, str]) -> None:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    assert Selection(parse_label_selector(selector)).matches(labelled(**labels))
