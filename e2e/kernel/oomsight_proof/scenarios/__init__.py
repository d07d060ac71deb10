"""All scenarios, in the order of the table."""

from __future__ import annotations

from oomsight_proof.scenarios import endurance, groups, hostile, limits, memory
from oomsight_proof.scenarios.model import Scenario

ALL: tuple[Scenario, ...] = (
    *limits.SCENARIOS,
    *groups.SCENARIOS,
    *memory.SCENARIOS,
    *hostile.SCENARIOS,
    *endurance.SCENARIOS,
)
