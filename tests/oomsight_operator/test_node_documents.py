from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from tests.oomsight_operator.node_world import NodeWorld

from oomsight_operator.judgement.model import Pod
from oomsight_operator.polling.telemetry import NodeTelemetry
from oomsight_operator.views.kill_order import kill_orders


@pytest.fixture
def world() -> NodeWorld:
    world = NodeWorld()
    world.world.add_pod("one")
    world.world.add_pod("two")
    world.report({"one": 90, "two": 150}, adj={"one": 900})
    world.world.now += 3
    return world


async def test_the_list_has_every_node_with_who_goes_first_and_the_age_of_its_numbers(world: NodeWorld) -> None:
    document = await world.documents.nodes()
    node_a = next(each for each in document["nodes"] if each["node"] == "node-a")
    assert node_a["firstEvicted"] == "shop/pod-two"
    assert "pod-one" in node_a["firstKilled"]
    assert (node_a["availablePercent"], node_a["sampleAgeSeconds"]) == (50, 3.0)
    node_b = next(each for each in document["nodes"] if each["node"] == "node-b")
    assert node_b["healthy"] == "Unknown"
    assert "agent was not heard for 60 s, or never" in node_b["unknownBecause"]
    assert "firstEvicted" not in node_b


def test_the_eviction_order_of_a_node(world: NodeWorld) -> None:
    document = world.documents.eviction_order("node-a")
    assert [each["pod"] for each in document["pods"]] == ["pod-two", "pod-one"]
    assert document["kubeletMemoryPressure"] is False
    assert document["sampleAgeSeconds"] == 3.0


def test_the_kill_order_of_a_node(world: NodeWorld) -> None:
    document = world.documents.kill_order("node-a")
    assert document["node"] == "node-a"
    assert "pod-one" in json.dumps(document["nodeOutOfMemory"]["first"])


def test_the_health_of_a_node(world: NodeWorld) -> None:
    document = world.documents.health("node-a")
    assert document["memory"]["availableBytes"] == 500 << 20
    assert document["kubernetes"]["allocatableBytes"] == 900 << 20


@pytest.mark.parametrize("path", ["eviction_order", "kill_order", "health"])
def test_numbers_of_an_agent_that_fell_silent_are_not_told_as_fresh(world: NodeWorld, path: str) -> None:
    world.world.now += 100
    world.world.engine.tick()
    document = getattr(world.documents, path)("node-a")
    assert "agent was not heard for 60 s" in document["unknownBecause"]
    assert not {"pods", "nodeOutOfMemory", "memory", "sampleTime"} & set(document)


@pytest.mark.parametrize("path", ["eviction_order", "kill_order", "health"])
def test_what_a_tenant_calls_its_process_cannot_move_the_readers_cursor(world: NodeWorld, path: str) -> None:
    text = json.dumps(getattr(world.documents, path)("node-a"), ensure_ascii=False)
    assert text.isascii()
    assert "\\u001b" not in text


def test_a_kill_order_is_made_once_while_nothing_changes_and_its_age_goes_on(
    world: NodeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = count_kill_orders(world, monkeypatch)
    first = world.documents.kill_order("node-a")
    world.world.now += 2
    again = world.documents.kill_order("node-a")
    assert len(made) == 1
    assert (first["sampleAgeSeconds"], again["sampleAgeSeconds"]) == (3.0, 5.0)
    assert {**first, "time": "", "sampleAgeSeconds": 0} == {**again, "time": "", "sampleAgeSeconds": 0}


def test_what_changed_is_in_the_next_kill_order(world: NodeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    made = count_kill_orders(world, monkeypatch)
    world.documents.kill_order("node-a")
    world.world.now += 1
    world.report({"one": 90, "two": 150}, adj={"two": 950})
    assert "pod-two" in json.dumps(world.documents.kill_order("node-a")["nodeOutOfMemory"]["first"])
    world.world.add_pod("two", name="renamed", resource_version="2")
    assert "renamed" in json.dumps(world.documents.kill_order("node-a")["nodeOutOfMemory"]["first"])
    assert len(made) == 3


def test_a_kill_order_that_costs_much_rests_and_says_of_when_it_is(world: NodeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    made = count_kill_orders(world, monkeypatch, costs=0.5)
    first = world.documents.kill_order("node-a")
    world.world.now += 4
    world.report({"one": 90, "two": 150}, adj={"two": 950})
    kept = world.documents.kill_order("node-a")
    world.world.now += 1
    anew = world.documents.kill_order("node-a")
    assert (kept["sampleTime"], kept["sampleAgeSeconds"]) == (first["sampleTime"], 7.0)
    assert (anew["sampleAgeSeconds"], len(made)) == (1.0, 2)


def count_kill_orders(world: NodeWorld, monkeypatch: pytest.MonkeyPatch, costs: float = 0.0) -> list[str]:
    """The nodes of which one was made; `costs` in seconds of CPU time each."""
    made: list[str] = []

    def counted(node: NodeTelemetry, pods: Iterable[Pod]) -> dict[str, Any]:
        made.append(node.node_name)
        world.cpu_seconds += costs
        return kill_orders(node, pods)

    monkeypatch.setattr("oomsight_operator.node_documents.kill_orders", counted)
    return made
