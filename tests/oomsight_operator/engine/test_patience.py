"""What is said of pods while their agent, or they themselves, have not spoken yet."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.engine_world import POLICY, World, running

from oomsight_api.names import RiskLevel
from oomsight_operator.judgement.model import ContainerStatus


async def test_a_new_operator_waits_for_the_agents_before_it_calls_pods_unknown() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    async with running(world):
        await world.settled()
        assert world.published.judged() == []
        assert not world.published.complete
        world.now += 61
        world.engine.tick()
        await world.settled()
        assert world.published.level("u1") is RiskLevel.UNKNOWN
        assert world.published.complete


async def test_a_pod_that_has_not_started_is_not_spoken_of_until_it_runs() -> None:
    world = World()
    world.policies.observe(POLICY)
    waiting = {"app": ContainerStatus("app", None, 0, "waiting")}
    pod = world.add_pod("u1", phase="Pending", statuses=waiting)
    world.report({})
    async with running(world):
        await world.settled()
        assert world.published.judged() == []
        assert world.published.complete
        started = {"app": ContainerStatus("app", "id-u1", 0, "running")}
        world.pods.upsert(replace(pod, phase="Running", statuses=started, resource_version="2"))
        world.report({"u1": 10}, time=1001.0)
        await world.settled()
        assert world.published.level("u1") is RiskLevel.NONE


async def test_a_started_pod_has_time_to_appear_in_a_report() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    world.report({})
    async with running(world):
        await world.settled()
        assert world.published.judged() == []
        world.now += 16
        world.engine.tick()
        await world.settled()
        assert world.published.level("u1") is RiskLevel.UNKNOWN
