from __future__ import annotations

import re

import pytest

from oomsight_api.names import PREFIX, RISK_LABEL, Annotation, ConditionType, EventAction, EventReason, RiskLevel, RiskReason


def test_levels_are_ordered_by_danger_and_the_unknown_hides_none() -> None:
    ordered = [RiskLevel.UNKNOWN, RiskLevel.NONE, RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH, RiskLevel.CRITICAL]
    assert sorted(RiskLevel, key=lambda level: level.severity) == ordered


@pytest.mark.parametrize("word", [*RiskReason, *EventReason, *EventAction, *ConditionType])
def test_words_that_users_grep_for_are_camel_case(word: str) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]+", word)


@pytest.mark.parametrize("key", [*Annotation, RISK_LABEL])
def test_keys_are_names_that_kubernetes_takes(key: str) -> None:
    assert key.startswith(PREFIX)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", key.removeprefix(PREFIX))
    assert len(key) <= 63


@pytest.mark.parametrize("level", list(RiskLevel))
def test_every_level_can_stand_in_the_label(level: RiskLevel) -> None:
    assert re.fullmatch(r"[a-z]{1,63}", level)
