from __future__ import annotations

import json

import pytest
from tests.oomsight_operator.node_world import NodeWorld


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
