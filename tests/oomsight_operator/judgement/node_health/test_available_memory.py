from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.node_health.nodes import node

from oomsight_operator.judgement.node_health.available_memory import available_memory
from oomsight_operator.judgement.node_health.condition import Status
from oomsight_operator.judgement.node_health.facts import NodeFacts


@pytest.mark.parametrize(
    ("available", "status", "reason"),
    [
        (8 * GI, Status.FALSE, "AvailableSufficient"),
        (16 * GI * 10 // 100 + 1, Status.FALSE, "AvailableSufficient"),
        (16 * GI * 9 // 100, Status.TRUE, "AvailableShort"),
        (16 * GI * 4 // 100, Status.TRUE, "AvailableCritical"),
        (0, Status.TRUE, "AvailableCritical"),
    ],
)
def test_available_memory_decides(available: int, status: Status, reason: str) -> None:
    found = available_memory(node(available_bytes=available))
    assert (found.status, found.reason) == (status, reason)


def test_low_free_with_high_available_is_named_as_healthy() -> None:
    found = available_memory(node(free_bytes=200 * MI, available_bytes=10 * GI))
    assert (found.status, found.reason) == (Status.FALSE, "PageCacheInUse")
    assert found.message == (
        "10Gi of 16Gi available (62 %), only 200Mi is free (1 %): low free with high available is healthy: the rest is page cache,"
        " which the kernel frees on demand"
    )


def test_a_short_node_is_told_with_numbers_and_what_to_do() -> None:
    message = available_memory(node(available_bytes=GI)).message
    assert message.startswith("1Gi of 16Gi available (6 %), below 10 %")
    assert "move pods away" in message


@pytest.mark.parametrize("facts", [node(available_bytes=None), node(total_bytes=None)])
def test_without_the_numbers_it_is_unknown(facts: NodeFacts) -> None:
    found = available_memory(facts)
    assert (found.status, found.reason) == (Status.UNKNOWN, "NotReported")
