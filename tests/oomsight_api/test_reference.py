from __future__ import annotations

from oomsight_api.generate import crd
from oomsight_api.kinds import CLUSTER_MEMORY_POLICY, KINDS
from oomsight_api.reference import render_reference


def test_every_field_has_a_row_with_type_meaning_and_default() -> None:
    lines = render_reference([crd(kind) for kind in KINDS]).splitlines()
    (row,) = [line for line in lines if line.startswith("| `spec.risk.holdSeconds` | integer, 0 to 86400 | How long")]
    assert row.endswith("in seconds. Default: `300`. |")
    assert any(line.startswith("| `spec.podSelector.matchLabels` | map of string |") for line in lines)
    assert any(line.startswith("| `spec.recommendation.minLimit` | quantity |") for line in lines)
    assert any(line.startswith("| `spec.update.mode` | `Off` |") for line in lines)


def test_what_a_rule_asks_for_is_told() -> None:
    reference = render_reference([crd(CLUSTER_MEMORY_POLICY)])
    assert "Thresholds must be ordered: lowPercent <= mediumPercent <= highPercent <= criticalPercent." in reference
    assert "Values must be given for the operators In and NotIn" in reference
    assert "Exactly one of defaults and overrides must be given." in reference


def test_fields_that_repeat_a_siblings_are_told_once() -> None:
    reference = render_reference([crd(CLUSTER_MEMORY_POLICY)])
    assert "Fields as in `spec.defaults`." in reference
    assert "spec.overrides.risk" not in reference


def test_a_reader_is_warned_of_yamls_boolean_off() -> None:
    assert 'Quote the word "Off"' in render_reference([])
