"""LimitNearNodeSize compares with what pods can have, and says so where that is not known."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.advice.build import context
from tests.oomsight_operator.judgement.build import GI, spec

from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.advice.limit_near_node_size import limit_near_node_size
from oomsight_operator.judgement.model import NodeContext

MEMORY = NodeMemory(total_bytes=64 * GI, available_bytes=30 * GI)
KNOWN = NodeContext("node-1", MEMORY, allocatable_bytes=60 * GI)


def advised(limit: int | None, node: NodeContext = KNOWN, **more: Any) -> str | None:
    return limit_near_node_size(context(spec(limit=limit * GI if limit is not None else None), node=node, **more))


def test_a_limit_that_the_node_cannot_keep() -> None:
    assert advised(56) == (
        "container app: limit 56Gi is 93 % of the 60Gi that node node-1 can allocate to pods: before it is reached the node runs"
        " out, and then the kernel chooses among all pods there. Lower the limit, or use a bigger node"
    )


def test_a_limit_with_room_beside_it() -> None:
    assert advised(53) is None


def test_where_allocatable_is_unknown_the_nodes_memory_counts_and_that_is_said() -> None:
    told = advised(58, NodeContext("node-1", MEMORY))

    assert told is not None
    assert "is 90 % of the 64Gi that node node-1 has in all (what it can allocate to pods is unknown)" in told


def test_a_limit_of_the_pod_as_a_whole() -> None:
    told = advised(None, pod_limit_bytes=60 * GI)

    assert told is not None
    assert told.startswith("container app: its pod's limit 60Gi is 100 %")


def test_once_advised_it_does_not_tremble() -> None:
    assert advised(52) is None
    assert advised(52, given=("LimitNearNodeSize",)) is not None
    assert advised(50, given=("LimitNearNodeSize",)) is None


def test_unknown_is_not_judged() -> None:
    assert advised(None) is None
    assert advised(56, NodeContext("node-1")) is None
