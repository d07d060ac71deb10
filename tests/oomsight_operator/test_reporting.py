"""Whether every node with an agent is known: asked until it is so, and what is silent is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.reporting import check, reporting

KNOWN = {"node": "a", "sampleTime": "2026-11-26T11:29:00Z", "unknownBecause": None}
SILENT = {"node": "b", "sampleTime": None, "unknownBecause": "no agent has reported of it yet"}


def agents(count: int) -> dict[str, Any]:
    return {"status": {"desiredNumberScheduled": count}}


async def no_wait(_: float) -> None:
    await asyncio.sleep(0)


class Api:
    """Answers each list of nodes in turn, the last one for ever."""

    def __init__(self, *answers: Callable[[], dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        self.asked.append(f"{method} {path}")
        if "daemonsets" in path:
            return agents(2)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer()


def refuse(status: int, message: str) -> Callable[[], dict[str, Any]]:
    def answer() -> dict[str, Any]:
        raise ApiError(status, "Refused", message)

    return answer


async def test_it_asks_until_all_are_known() -> None:
    api = Api(
        refuse(503, "listing the cluster"), lambda: {"nodes": [KNOWN, SILENT]}, lambda: {"nodes": [KNOWN, {**KNOWN, "node": "b"}]}
    )
    assert await check(api, "ns", "operator", "agent", sleep=no_wait) == (True, "2 of 2 nodes with an agent are known")
    assert api.asked[:2] == [
        "GET /apis/apps/v1/namespaces/ns/daemonsets/agent",
        "GET /api/v1/namespaces/ns/services/operator:api/proxy/v1/nodes",
    ]
    assert len(api.asked) == 6


async def test_a_node_that_stays_silent_is_named_with_the_reason() -> None:
    complete, words = await check(Api(lambda: {"nodes": [KNOWN, SILENT]}), "ns", "operator", "agent", sleep=no_wait)
    assert not complete
    assert words == "1 of 2 nodes with an agent are known; nothing is known of b (no agent has reported of it yet)"


async def test_a_missing_right_is_told_at_once() -> None:
    api = Api(refuse(403, "forbidden to get services/proxy"))
    assert await check(api, "ns", "operator", "agent", sleep=no_wait) == (False, "forbidden to get services/proxy (403 Refused)")
    assert len(api.asked) == 2


def test_nodes_without_an_agent_by_choice_do_not_count() -> None:
    assert reporting(agents(1), {"nodes": [KNOWN, SILENT]}).complete


def test_a_daemonset_without_nodes_is_not_taken_for_complete() -> None:
    found = reporting(agents(0), {"nodes": []})
    assert not found.complete
    assert "agent.nodeSelector" in found.words()


def test_of_many_silent_nodes_ten_are_named() -> None:
    words = reporting(agents(12), {"nodes": [{**SILENT, "node": f"n{number}"} for number in range(12)]}).words()
    assert "n9 (" in words
    assert "n10" not in words
    assert words.endswith("and 2 more")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["nodes", "node", "status", "sampleTime"]), inner),
    max_leaves=8,
)


@given(ANYTHING, ANYTHING)
def test_answers_of_any_shape_are_counted_or_passed_over(status: Any, nodes: Any) -> None:
    assert reporting({"status": status}, {"nodes": nodes}).words()


@pytest.mark.parametrize("value", [True, "2", None, -1])
def test_a_number_of_agents_that_is_none_is_not_complete(value: Any) -> None:
    assert not reporting({"status": {"desiredNumberScheduled": value}}, {"nodes": []}).complete
