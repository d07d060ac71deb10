from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import GI, NOW
from tests.oomsight_operator.judgement.node_health.nodes import node

from oomsight_operator.judgement.node import Node
from oomsight_operator.judgement.node_health.condition import ConditionType, NodeCondition, Reason, Status
from oomsight_operator.judgement.node_health.rules import node_conditions, unknown_conditions
from oomsight_operator.views.node_health import is_healthy, node_health_document
from oomsight_operator.views.sample import Sample


def condition(status: Status) -> NodeCondition:
    return NodeCondition(ConditionType.SWAP_THRASHING, status, Reason.NO_SWAP, "words")


@pytest.mark.parametrize(
    ("statuses", "healthy"),
    [
        ((Status.FALSE, Status.FALSE), "True"),
        ((Status.FALSE, Status.UNKNOWN), "Unknown"),
        ((Status.UNKNOWN, Status.TRUE), "False"),
        ((), "Unknown"),
    ],
)
def test_a_node_is_healthy_when_all_is_known_and_no_condition_holds(statuses: tuple[Status, ...], healthy: str) -> None:
    assert is_healthy([condition(status) for status in statuses]) == healthy


def test_conditions_come_with_the_numbers_behind_them() -> None:
    facts = node()
    of = Node("u1", "node-1", 15 * GI, 16 * GI, "v1.34.1", memory_pressure=False)
    document = node_health_document(Sample("node-1", NOW, NOW, 0.0), node_conditions(facts), facts.memory, facts.signals, of)
    assert document["healthy"] == "True"
    assert document["conditions"][0] == {
        "type": "AvailableMemoryLow",
        "status": "False",
        "reason": "AvailableSufficient",
        "message": "8Gi of 16Gi available (50 %)",
    }
    assert document["memory"]["availableBytes"] == 8 * GI
    assert document["memory"]["pressure"] == {"someAvg60Percent": 0.0, "fullAvg60Percent": 0.0}
    assert "oomKillsSinceBoot" not in document["memory"], "what the agent does not tell is left out, not 0"
    assert document["signals"][0]["availableBytes"] == 8 * GI
    assert document["kubernetes"] == {
        "allocatableBytes": 15 * GI,
        "capacityBytes": 16 * GI,
        "kubeletVersion": "v1.34.1",
        "memoryPressure": False,
        "unschedulable": False,
    }


def test_a_silent_agent_is_unknown_in_every_condition() -> None:
    sample = Sample("node-1", NOW, unknown_because="its agent is silent")
    document = node_health_document(sample, unknown_conditions("its agent is silent"))
    assert document["healthy"] == "Unknown"
    assert {each["status"] for each in document["conditions"]} == {"Unknown"}
    assert document["unknownBecause"] == "its agent is silent"
    assert not {"memory", "signals", "kubernetes"} & set(document)
