"""What users meet in answers and metrics stands in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oomsight_operator.judgement.node_health.condition import ConditionType, Reason
from oomsight_operator.publishing.node_metrics import NodeMetrics

DOCS = Path(__file__).parents[2] / "docs"
HEALTH = (DOCS / "node-health.md").read_text()


@pytest.mark.parametrize("word", [*ConditionType, *Reason])
def test_every_condition_and_reason_is_explained(word: str) -> None:
    assert f"`{word}`" in HEALTH


@pytest.mark.parametrize("family", [family.name for family in NodeMetrics().collect()])
def test_every_metric_of_a_node_is_explained(family: str) -> None:
    assert f"`{family}`" in HEALTH


@pytest.mark.parametrize("page", ["api.md", "eviction.md", "node-health.md"])
def test_pages_point_to_pages_that_are_there(page: str) -> None:
    links = re.findall(r"\]\(([a-z0-9-]+\.md)\)", (DOCS / page).read_text())
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
