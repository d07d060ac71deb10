from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from oomsight_api.conditions import Condition
from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.status import LevelCounts, PolicyStatus, WorstContainer

WORST = WorstContainer(
    namespace="team-a",
    pod="web-1",
    container="app",
    level=RiskLevel.CRITICAL,
    reasons=(RiskReason.NEAR_LIMIT, RiskReason.FIRST_TO_DIE),
)
STATUS = PolicyStatus(
    observed_generation=3,
    conditions=(
        Condition(
            type="Accepted", status="True", reason="Accepted", observed_generation=3, last_transition_time="2026-03-01T10:00:00Z"
        ),
    ),
    matched_pods=12,
    enforced_pods=10,
    at_risk_pods=1,
    pods_by_level=LevelCounts(none=9, critical=1),
    worst=(WORST,),
)


@pytest.mark.parametrize(("kind", "spec"), [("MemoryPolicy", {}), ("ClusterMemoryPolicy", {"defaults": {}})])
def test_a_status_as_written_is_admitted_and_read_back_the_same(kind: str, spec: dict[str, Any], schemas: Any) -> None:
    resource = {"apiVersion": "x", "kind": "x", "metadata": {}, "spec": spec, "status": STATUS.to_wire()}
    stored, errors = schemas[kind].admit_object(resource)
    assert errors == []
    assert stored["status"] == STATUS.to_wire()
    assert PolicyStatus.model_validate(stored["status"]) == STATUS


def test_counts_that_are_not_known_are_not_written() -> None:
    assert PolicyStatus().to_wire() == {"conditions": [], "worst": []}


def test_no_more_than_the_worst_ten_are_kept() -> None:
    with pytest.raises(ValidationError, match="at most 10 items"):
        PolicyStatus(worst=(WORST,) * 11)
