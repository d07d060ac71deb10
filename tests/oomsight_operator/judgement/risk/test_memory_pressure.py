"""MemoryPressure is the container's own where the kernel tells it, and never guessed from the node's."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import GI, MI, memory, row, spec, subject

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import Memory, NodeMemory, Pressure
from oomsight_operator.judgement.model import Finding, NodeContext
from oomsight_operator.judgement.risk.memory_pressure import memory_pressure

APP = spec(request=100 * MI, limit=500 * MI)
CALM = memory(100 * MI, 500 * MI, usage=200 * MI)


def full(percent: float) -> Pressure:
    return Pressure(some_avg60=percent, full_avg60=percent)


def node(*, available: int = 50, pressure: float | None = None) -> NodeContext:
    told = full(pressure) if pressure is not None else None
    return NodeContext("node-1", NodeMemory(total_bytes=100 * GI, available_bytes=available * GI, pressure=told))


def own(percent: float, uses: Memory = CALM, **more: Any) -> Finding | None:
    return memory_pressure(subject(APP, row=row(uses=uses, pressure=full(percent)), **more))


@pytest.mark.parametrize(
    ("percent", "level"), [(5.0, RiskLevel.LOW), (10.0, RiskLevel.MEDIUM), (30.0, RiskLevel.HIGH), (100.0, RiskLevel.HIGH)]
)
def test_the_containers_own_pressure_gives_its_level(percent: float, level: RiskLevel) -> None:
    finding = own(percent)

    assert finding is not None
    assert finding.level is level


def test_below_the_threshold_is_no_reason_and_the_threshold_is_the_policys() -> None:
    assert own(4.9) is None
    assert own(4.9, risk={"memoryPressure": {"lowPercent": 2}}) is not None


def test_a_level_falls_five_points_below_its_threshold() -> None:
    before = {RiskReason.MEMORY_PRESSURE: RiskLevel.HIGH}
    held, fallen = own(25.0, raised=before), own(24.9, raised=before)

    assert held is not None
    assert fallen is not None
    assert (held.level, fallen.level) == (RiskLevel.HIGH, RiskLevel.MEDIUM)


def test_the_sentence_says_whose_limit_it_is() -> None:
    finding = own(12.7, memory(100 * MI, 500 * MI, usage=499 * MI))

    assert finding is not None
    assert finding.sentence == (
        "container app: all of its tasks waited for memory in 12 % of the last minute (PSI full), usage stands at its limit 500Mi"
    )


def test_the_sentence_says_that_the_node_is_short() -> None:
    finding = own(12.7, node=node(available=4))

    assert finding is not None
    assert finding.sentence.endswith("(PSI full), and the node is short: 4 % of its memory is available")


def test_without_pressure_of_its_own_the_nodes_says_nothing_of_a_calm_container() -> None:
    assert memory_pressure(subject(APP, CALM, node=node(pressure=80.0))) is None


def test_without_pressure_of_its_own_the_nodes_counts_near_the_limit_but_only_as_low() -> None:
    finding = memory_pressure(subject(APP, memory(400 * MI, 500 * MI), node=node(pressure=80.0)))

    assert finding is not None
    assert finding.level is RiskLevel.LOW
    assert finding.sentence == (
        "container app: all tasks of node node-1 waited for memory in 80 % of the last minute (PSI full of the node; this container"
        "'s own part is unknown), and it is near its limit: 80 % unreclaimable"
    )


def test_without_pressure_of_its_own_the_nodes_counts_on_a_short_node_but_only_as_low() -> None:
    finding = memory_pressure(subject(APP, CALM, node=node(pressure=80.0, available=3)))

    assert finding is not None
    assert finding.level is RiskLevel.LOW
    assert finding.sentence.endswith("and the node is short: 3 % of its memory is available")


def test_its_own_calm_is_believed_over_the_nodes_pressure() -> None:
    assert own(0.0, memory(480 * MI, 500 * MI), node=node(pressure=80.0, available=3)) is None


@pytest.mark.parametrize("percent", [math.nan, math.inf, -3.0])
def test_a_pressure_that_is_no_percentage_is_unknown(percent: float) -> None:
    assert own(percent) is None


def test_what_does_not_run_or_has_no_row_waits_for_nothing() -> None:
    assert own(80.0, running=False) is None
    assert memory_pressure(subject(APP, row=None, node=node(pressure=80.0, available=3))) is None
