"""Events: one object, two APIs."""

from __future__ import annotations

from typing import Any

import pytest

from oomsight_sandbox.apiserver.events import from_core, stored_field, to_core, validate

NEW: dict[str, Any] = {
    "metadata": {"name": "e", "namespace": "shop"},
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "reportingController": "oomsight.dev/operator",
    "reportingInstance": "operator-0",
    "action": "Observe",
    "reason": "OOMKilled",
    "type": "Warning",
    "note": "Container app was killed",
    "regarding": {"kind": "Pod", "name": "web", "namespace": "shop", "uid": "u"},
}


def problems(change: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    event = to_core({**NEW, **change})
    return [cause.field for cause in validate(event, None if old is None else to_core(old), new_api=True)]


def test_the_two_forms_convert_into_each_other() -> None:
    core = to_core(NEW)
    assert core["involvedObject"] == NEW["regarding"]
    assert core["message"] == NEW["note"]
    assert core["reportingComponent"] == NEW["reportingController"]
    assert from_core(core) == NEW


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("regarding.name", "involvedObject.name"),
        ("involvedObject.uid", "involvedObject.uid"),
        ("reportingController", "reportingComponent"),
        ("source", "source.component"),
        ("reason", "reason"),
        ("metadata.name", "metadata.name"),
    ],
)
def test_field_selectors_of_both_apis_find_the_stored_field(asked: str, stored: str) -> None:
    assert stored_field(asked) == stored


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"eventTime": None}, "eventTime"),
        ({"reportingController": ""}, "reportingController"),
        ({"reportingInstance": ""}, "reportingInstance"),
        ({"action": ""}, "action"),
        ({"reason": "x" * 129}, "reason"),
        ({"type": "Notice"}, "type"),
        ({"note": "ä" * 513}, "message"),
        ({"regarding": {"namespace": "other"}}, "involvedObject.namespace"),
        ({"deprecatedCount": 3}, "count"),
    ],
)
def test_new_events_are_held_to_the_rules_of_the_new_api(change: dict[str, Any], field: str) -> None:
    assert problems(change) == [field]


def test_a_complete_event_is_accepted() -> None:
    assert problems({}) == []


def test_only_the_series_of_an_event_changes_later() -> None:
    series = {"count": 2, "lastObservedTime": "2026-01-01T00:05:00.000000Z"}
    assert problems({"series": series}, old=NEW) == []
    assert problems({"note": "another"}, old=NEW) == ["message"]


def test_events_of_cluster_scoped_objects_live_in_default() -> None:
    assert problems({"metadata": {"namespace": "default"}, "regarding": {"kind": "Node", "name": "n"}}) == []


def test_legacy_events_need_only_their_object() -> None:
    legacy = {"metadata": {"namespace": "shop"}, "involvedObject": {"namespace": "shop"}, "count": 3, "reason": "BackOff"}
    assert validate(legacy, None, new_api=False) == []
