"""Whose judgement a node's report, or its silence, changes."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.engine_world import MIB, POLICY, Published, World, oom, running

from oomsight_api.incident import Evidence, Incident, OomScope
from oomsight_api.names import RiskLevel
from oomsight_api.report import Container, NodeMemory, NodeReport, Process
from oomsight_operator.judgement.node import Node


def two_healthy_pods() -> World:
    """On one node, under a policy, both told by its agent."""
    world = World()
    world.policies.observe(POLICY)
    for uid in ("u1", "u2"):
        world.add_pod(uid)
    world.report({"u1": 10, "u2": 10})
    return world


async def test_a_report_judges_the_pods_whose_rows_changed_and_no_others() -> None:
    world = World()
    world.policies.observe(POLICY)
    for uid in ("u1", "u2", "u3"):
        world.add_pod(uid)
    world.report({"u1": 99, "u2": 10, "u3": 10})
    async with running(world):
        await world.settled()
        assert world.published.level("u1") is RiskLevel.CRITICAL
        assert world.published.level("u2") is RiskLevel.NONE
        world.published.assessments.clear()
        world.report({"u2": 85}, full=False, time=1001.0)
        await world.settled()
        assert world.published.judged() == ["u2"]


async def test_a_container_of_another_node_cannot_be_touched_by_this_nodes_agent() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1", node_name="node-b")
    async with running(world):
        await world.settled()
        world.report({"u1": 99})
        await world.settled()
        assert world.published.judged() == []


async def test_a_node_that_runs_short_is_judged_anew_as_a_whole() -> None:
    world = two_healthy_pods()
    async with running(world):
        await world.settled()
        world.published.assessments.clear()
        world.report({}, full=False, available_mib=80, time=1001.0)
        await world.settled()
        assert sorted(world.published.judged()) == ["u1", "u2"]


async def test_a_node_that_was_resized_is_judged_anew_as_a_whole_whichever_of_its_pods_is_judged_first() -> None:
    world = two_healthy_pods()
    async with running(world):
        await world.settled()
        world.published.assessments.clear()
        world.nodes.upsert(Node("uid-node-a", "node-a", allocatable_bytes=500 * MIB))
        world.add_pod("u1", labels={"changed": "yes"}, resource_version="2")
        await world.settled()
        assert set(world.published.judged()) == {"u1", "u2"}


async def test_who_is_no_longer_the_first_to_die_is_judged_anew_also_when_the_nodes_event_asks_for_its_conditions() -> None:
    class AsksForTheConditions(Published):
        def node_incident(self, node_name: str, incident: Incident) -> None:
            node = world.telemetry.get(node_name)
            assert node is not None
            world.engine.node_context(node)

    world = World(publisher=AsksForTheConditions())
    world.policies.observe(POLICY)
    for uid in ("u1", "u2"):
        world.add_pod(uid)

    def grown(uid: str, mib: int) -> Container:
        process = Process(pid=7, name="app", oom_score_adj=0, rss_bytes=mib * MIB, swap_bytes=0, page_tables_bytes=0)
        return Container(pod_uid=uid, container_id=f"id-{uid}", cgroup=f"/{uid}", processes=(process,), process_count=1)

    def tell(*rows: Container, at: float, **more: Any) -> None:
        memory = NodeMemory(total_bytes=1000 * MIB, available_bytes=80 * MIB, swap_total_bytes=0, page_size_bytes=4096)
        more = {"node": "node-a", "instance": "i", "cursor": "c", "interval_seconds": 1.0, "node_memory": memory, **more}
        world.engine.report_arrived("node-a", NodeReport(time_seconds=at, containers=rows, **more))

    tell(grown("u1", 50), grown("u2", 10), at=1000.0, full=True)
    async with running(world):
        await world.settled()
        world.published.assessments.clear()
        out_of_memory = Incident(id="boot-1", time_seconds=1000.0, scope=OomScope.NODE, evidence=Evidence.KERNEL_LOG)
        tell(grown("u2", 90), at=1001.0, full=False, incidents=(out_of_memory,))
        await world.settled()
        assert set(world.published.judged()) == {"u1", "u2"}


async def test_an_incident_judges_its_victims_pod_although_no_row_changed_and_is_told_once() -> None:
    world = World()
    world.policies.observe(POLICY)
    for uid in ("u1", "u2", "u3"):
        world.add_pod(uid, **({"node_name": "node-b"} if uid == "u3" else {}))
    world.report({"u1": 10, "u2": 10})
    async with running(world):
        await world.settled()
        world.published.assessments.clear()
        world.report({}, full=False, time=1001.0, incidents=(oom("a", "u2", "u3"),))
        await world.settled()
        world.report({"u1": 10, "u2": 10}, time=1002.0, incidents=(oom("a", "u2", "u3"),))
        await world.settled()
        told = [(each.pod_uid, kill.incident_id) for each in world.published.assessments for kill in each.containers[0].new_kills]
        assert world.published.judged()[0] == "u2"
        assert told == [("u2", "a")]  # not in u3: it is on another node


async def test_a_node_wide_oom_is_passed_on_for_the_node_once() -> None:
    world = World()
    world.report({}, incidents=(oom("a", scope=OomScope.NODE), oom("b", "u1"), oom("old", at=0.0, scope=OomScope.NODE)))
    world.report({}, time=1001.0, incidents=(oom("a", scope=OomScope.NODE),))
    assert world.published.node_incidents == [("node-a", "a")]


async def test_a_silent_agent_makes_its_pods_unknown_and_one_that_never_spoke_is_not_called_silent() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    world.add_pod("u2", node_name="new-node")
    world.report({"u1": 10})
    async with running(world):
        await world.settled()
        assert world.published.level("u1") is RiskLevel.NONE
        world.now += 61
        world.engine.tick()
        await world.settled()
        assert world.published.level("u1") is RiskLevel.UNKNOWN
        why = {each.pod_uid: each.containers[0].unknown_because or "" for each in world.published.assessments}
        assert "the agent of node node-a is silent" in why["u1"]
        assert "no report of the agent of node new-node yet" in why["u2"]
