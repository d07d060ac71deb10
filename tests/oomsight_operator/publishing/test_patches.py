"""Merge patches of pods and statuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.publishing.builders import a_pod, merge

from oomsight_api.names import RISK_LABEL, Annotation, RiskLevel
from oomsight_api.policy import PublishSpec
from oomsight_api.status import LevelCounts, PolicyStatus
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.patches import (
    NO_MARKS,
    OwnMarks,
    desired_marks,
    is_newer,
    is_other_uid,
    marks_of_object,
    marks_of_pod,
    merge_patch,
    parse_level,
    same_meaning,
    status_patch,
)

RENDERED = {Annotation.OOM_RISK.value: "high", Annotation.MEMORY.value: "app: 60Mi", Annotation.SUMMARY.value: "two\nlines"}


def publish(**fields: str) -> PublishSpec:
    return PublishSpec.model_validate(fields)


def test_a_patch_has_what_differs_the_uid_and_nothing_else() -> None:
    standing = OwnMarks({Annotation.OOM_RISK.value: "low", Annotation.MEMORY.value: "app: 60Mi", "oomsight.dev/old-key": "x"})
    assert merge_patch("uid-1", OwnMarks(RENDERED), standing) == {
        "metadata": {
            "uid": "uid-1",
            "annotations": {Annotation.OOM_RISK: "high", Annotation.SUMMARY: "two\nlines", "oomsight.dev/old-key": None},
        }
    }


def test_nothing_to_change_is_no_patch() -> None:
    assert merge_patch("uid-1", OwnMarks(RENDERED, "high"), OwnMarks(dict(RENDERED), "high")) is None


def test_withdrawing_nulls_every_key_of_ours_and_the_label() -> None:
    patch = merge_patch("uid-1", NO_MARKS, OwnMarks(RENDERED, "high"))
    assert patch == {"metadata": {"uid": "uid-1", "annotations": dict.fromkeys(RENDERED), "labels": {RISK_LABEL: None}}}


@pytest.mark.parametrize("asked", ["Enabled", "Disabled"])
def test_the_label_stands_only_where_the_policy_asks_for_it(asked: str) -> None:
    marks = desired_marks(RiskLevel.HIGH, publish(riskLabel=asked), RENDERED, OwnMarks({}, "low"))
    assert marks.label == ("high" if asked == "Enabled" else None)


@pytest.mark.parametrize(
    ("mode", "level", "annotated"),
    [
        ("All", RiskLevel.NONE, True),
        ("All", RiskLevel.UNKNOWN, True),
        ("AtRisk", RiskLevel.NONE, False),
        ("AtRisk", RiskLevel.LOW, True),
        ("AtRisk", RiskLevel.UNKNOWN, False),
        ("None", RiskLevel.CRITICAL, False),
    ],
)
def test_which_pods_are_annotated_is_the_policys_word(mode: str, level: RiskLevel, annotated: bool) -> None:
    assert bool(desired_marks(level, publish(annotations=mode), RENDERED, NO_MARKS).annotations) is annotated


def test_a_silent_agent_does_not_clear_a_pod_that_was_at_risk() -> None:
    marks = desired_marks(RiskLevel.UNKNOWN, publish(annotations="AtRisk"), RENDERED, OwnMarks({Annotation.OOM_RISK: "high"}))
    assert marks.annotations == RENDERED


def test_numbers_that_moved_do_not_change_the_meaning_but_a_level_or_a_missing_key_does() -> None:
    standing = {**RENDERED, Annotation.MEMORY.value: "app: 59Mi"}
    assert same_meaning(OwnMarks(RENDERED), OwnMarks(standing))
    assert not same_meaning(OwnMarks(RENDERED), OwnMarks({**standing, Annotation.OOM_RISK.value: "low"}))
    assert not same_meaning(OwnMarks(RENDERED), OwnMarks({key: standing[key] for key in list(standing)[:2]}))
    assert not same_meaning(OwnMarks(RENDERED, "high"), OwnMarks(standing, None))


keys = st.one_of(
    st.sampled_from([key.value for key in Annotation]), st.text(max_size=20), st.text(max_size=10).map("oomsight.dev/{}".format)
)
documents = st.dictionaries(keys, st.text(max_size=20), max_size=8)


@given(before=documents, wanted=documents, label=st.none() | st.text(max_size=8), standing_label=st.none() | st.text(max_size=8))
def test_a_patch_never_touches_what_is_not_ours_and_brings_the_pod_to_what_is_wanted(
    before: dict[str, str], wanted: dict[str, str], label: str | None, standing_label: str | None
) -> None:
    ours = {key: value for key, value in wanted.items() if key.startswith("oomsight.dev/")}
    labels = {"app": "web", **({RISK_LABEL: standing_label} if standing_label is not None else {})}
    pod: dict[str, Any] = {"metadata": {"annotations": before, "labels": labels}, "spec": {"nodeName": "n"}}
    patch = merge_patch("u", OwnMarks(ours, label), marks_of_object(pod))
    after = merge(pod, patch or {})
    assert marks_of_object(after) == OwnMarks(ours, label)
    assert after["spec"] == {"nodeName": "n"}
    assert after["metadata"]["labels"]["app"] == "web"
    foreign = {key: value for key, value in before.items() if not key.startswith("oomsight.dev/")}
    assert {key: value for key, value in after["metadata"]["annotations"].items() if not key.startswith("oomsight.dev/")} == foreign


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"metadata": None},
        {"metadata": []},
        {"metadata": {"annotations": 3, "labels": "x"}},
        {"metadata": {"annotations": {"oomsight.dev/x": 1}, "labels": {RISK_LABEL: 5}}},
    ],
)
def test_malformed_answers_are_as_good_as_no_marks(document: dict[str, Any]) -> None:
    assert marks_of_object(document).is_empty


def test_marks_as_the_informer_sees_them() -> None:
    assert marks_of_pod(a_pod()).is_empty
    assert marks_of_pod(a_pod(own_label="low")) == OwnMarks({}, "low")


def test_resource_versions_are_compared_as_integers_and_otherwise_as_opaque() -> None:
    assert is_newer("1000", than="999")
    assert is_newer("7", than="7")
    assert not is_newer("999", than="1000")
    assert is_newer("abc", than="abd")
    assert not is_newer("abc", than="abc")


def test_both_answers_of_the_api_server_to_a_wrong_uid_are_understood() -> None:
    assert is_other_uid(ApiError(409, "Conflict", "the UID in the precondition (a) does not match the UID in record (b)"))
    assert is_other_uid(ApiError(422, "Invalid", 'Pod "x" is invalid: metadata.uid: Invalid value: "a": field is immutable'))
    assert is_other_uid(ApiError(409, "Conflict", "Precondition failed: UID in precondition: a, UID in object meta: b"))
    assert not is_other_uid(ApiError(409, "Conflict", 'patch pods fluid-0: pods "fluid-0": the object has been modified'))
    assert not is_other_uid(ApiError(404, "NotFound", "uid"))


def test_only_levels_are_levels() -> None:
    assert parse_level("high") is RiskLevel.HIGH
    assert [parse_level(text) for text in ("HIGH", "", "<script>", None)] == [None] * 4


def test_a_status_patch_removes_what_does_not_hold_any_more() -> None:
    standing = {"matchedPods": 3, "atRiskPods": 1, "podsByLevel": {"high": 1}, "observedGeneration": 1}
    patch = status_patch("u", PolicyStatus(observed_generation=2, pods_by_level=LevelCounts(low=1)))
    after = merge({"status": standing}, patch)["status"]
    assert "matchedPods" not in after
    assert "atRiskPods" not in after
    assert after["observedGeneration"] == 2
    assert after["podsByLevel"] == {"unknown": 0, "none": 0, "low": 1, "medium": 0, "high": 0, "critical": 0}
