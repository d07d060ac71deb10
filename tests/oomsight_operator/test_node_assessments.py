from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from tests.oomsight_operator.engine_world import MIB
from tests.oomsight_operator.node_world import NodeWorld

from oomsight_operator.judgement.eviction.settings import EvictionSettings, Threshold
from oomsight_operator.judgement.node import Node
from oomsight_operator.node_assessments import NodeAssessment, follow_nodes
from oomsight_operator.publishing.node_metrics import NodeMetrics


def names_of(world: NodeWorld) -> list[str]:
    found = world.assessments.get("node-a")
    return [place.pod.name for place in found.eviction.places] if found is not None else []


def test_a_node_is_judged_once_until_something_of_it_changes() -> None:
    world = NodeWorld()
    world.world.add_pod("one")
    world.report({"one": 120})
    first = world.assessments.get("node-a")
    assert world.assessments.get("node-a") is first
    assert world.assessments.computed == 1
    for change in (
        lambda: world.report({"one": 130}),
        lambda: world.world.add_pod("two", resource_version="2"),
        lambda: world.nodes.upsert(Node("uid-node-a", "node-a", memory_pressure=True, resource_version="2")),
        lambda: world.settings.update({"node-a": EvictionSettings(Threshold(MIB))}),
    ):
        before = world.assessments.computed
        change()
        world.assessments.get("node-a")
        assert world.assessments.computed == before + 1
        assert world.assessments.get("node-a") is world.assessments.get("node-a")


def test_order_health_and_victims_come_from_the_report_and_the_pods() -> None:
    world = NodeWorld()
    world.world.add_pod("one")
    world.world.add_pod("two")
    world.report({"one": 90, "two": 150}, adj={"one": 900})
    found = world.assessments.get("node-a")
    assert found is not None
    assert names_of(world) == ["pod-two", "pod-one"]
    assert [(each.pod.name if each.pod else None, each.victim.container_name) for each in found.victims] == [
        ("pod-one", "app"),
        ("pod-two", "app"),
    ]
    assert found.eviction.differences[0].startswith("the orders differ: the kubelet would evict shop/pod-two first")
    assert found.conditions


def test_a_silent_agent_has_no_assessment_but_the_node_a_name() -> None:
    world = NodeWorld()
    assert world.assessments.get("node-a") is None
    assert world.assessments.names() == {"node-a", "node-b"}
    world.report({}, node="node-c")
    assert world.assessments.names() == {"node-a", "node-b", "node-c"}, "an agent speaks before its Node is seen"
    world.report({}, node="node-a")
    assert world.assessments.get("node-a") is not None
    assert world.assessments.conditions("node-a")
    assert world.assessments.conditions("node-b") == ()
    world.world.now += 100
    world.world.engine.tick()
    assert world.assessments.get("node-a") is None


async def test_metrics_follow_what_changed_and_forget_nodes_that_left() -> None:
    world = NodeWorld()
    world.world.add_pod("one")
    world.report({"one": 120})
    metrics, registry = NodeMetrics(), CollectorRegistry()
    registry.register(metrics)

    async def scrape(name: str, **labels: str) -> float | None:
        await follow_nodes(world.assessments, metrics)
        return registry.get_sample_value(name, labels)

    margin = {"node": "node-a", "signal": "memory.available", "threshold": "hard"}
    assert await scrape("oomsight_node_eviction_margin_bytes", **margin) == 780 * MIB
    silent = {"node": "node-b", "type": "SwapThrashing", "status": "Unknown", "reason": "NotReported"}
    assert await scrape("oomsight_node_condition_info", **silent) == 1
    world.report({"one": 220})
    assert await scrape("oomsight_node_eviction_margin_bytes", **margin) == 680 * MIB
    computed = world.assessments.computed
    await scrape("oomsight_node_eviction_margin_bytes", **margin)
    assert world.assessments.computed == computed
    world.nodes.delete("uid-node-b")
    assert await scrape("oomsight_node_condition_info", **silent) is None


async def test_nothing_is_kept_of_a_node_that_left() -> None:
    world = NodeWorld()
    world.report({"one": 120})
    metrics = NodeMetrics()
    await follow_nodes(world.assessments, metrics)
    assert len(world.assessments) == 1
    world.nodes.delete("uid-node-a")
    world.world.now += 100
    world.world.engine.tick()
    await follow_nodes(world.assessments, metrics)
    assert len(world.assessments) == 0


def test_who_is_first_is_not_known_while_processes_outside_pods_are_not_told() -> None:
    world = NodeWorld()
    world.world.add_pod("one")
    world.report({"one": 90}, host_processes=None)
    found = world.assessments.get("node-a")
    assert found is not None
    assert (found.kill_order, found.victims) == (None, ())
    assert found.eviction.differences == ("whom the kernel would kill first is not known here, so the two orders are not compared",)


async def test_one_node_that_breaks_judgement_is_unknown_and_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = NodeWorld()
    for name in ("node-a", "node-b"):
        world.report({}, node=name)
    judge = world.assessments.get

    def broken(name: str) -> NodeAssessment | None:
        if name == "node-a":
            raise ZeroDivisionError
        return judge(name)

    monkeypatch.setattr(world.assessments, "get", broken)
    metrics, registry, faults = NodeMetrics(), CollectorRegistry(), []
    registry.register(metrics)
    for _ in range(2):
        await follow_nodes(world.assessments, metrics, lambda: faults.append(1))
    condition = {"type": "PanicOnOOM", "status": "Unknown", "reason": "NotReported"}
    assert registry.get_sample_value("oomsight_node_condition_info", {"node": "node-a", **condition}) == 1
    assert registry.get_sample_value("oomsight_node_eviction_thresholds_assumed", {"node": "node-b"}) == 1
    assert (len(faults), len(caplog.records)) == (2, 1)
