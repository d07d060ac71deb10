"""When a dirty pod is judged; what a node's agent tells takes a share of the time that is bounded, whatever it tells."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oomsight_operator.engine_world import POLICY, World, oom, running

from oomsight_api.names import RiskLevel
from oomsight_operator.engine.dirty_pods import DirtyPods


def test_each_is_taken_once_in_the_order_of_marking_and_whoever_is_gone_is_not() -> None:
    now = [100.0]
    dirty = DirtyPods(lambda: now[0], tick_seconds=1.0, gather_seconds=0.0)
    dirty.mark(["b", "a", "gone"])
    dirty.mark(["a", "c"])
    dirty.mark_later("later", 10.0)
    dirty.mark_later("gone", 10.0)
    dirty.forget("gone")
    dirty.mark_due()
    assert list(dirty.take()) == ["b", "a", "c"]
    now[0] += 10.0
    dirty.mark_due()
    assert list(dirty.take()) == ["later"]
    assert list(dirty.take()) == []


def test_what_a_silent_agent_had_told_is_not_owed_when_it_speaks_again() -> None:
    dirty = DirtyPods(lambda: 100.0, tick_seconds=1.0, gather_seconds=0.0)
    dirty.mark_told("node", ["a"], kill=False)
    dirty.mark_silent("node", ["a", "b"])
    assert list(dirty.take()) == ["a", "b"]
    for uid in ("a", "b"):
        dirty.judged(uid, "node", 1.0)
    dirty.mark_told("node", ["a"], kill=False)
    assert list(dirty.take()) == ["a"]


def ten_pods() -> World:
    """On one node, each judged in 10 ms."""
    world = World()
    world.policies.observe(POLICY)
    world.judgement_seconds = 0.01
    for number in range(10):
        world.add_pod(f"u{number}")
    world.report({f"u{number}": 10 for number in range(10)})
    return world


@pytest.mark.parametrize("full", [True, False], ids=["full reports", "all rows in each"])
async def test_an_agent_that_tells_everything_anew_all_the_time_has_its_pods_judged_for_a_tenth_of_it(full: bool) -> None:
    world = ten_pods()
    async with running(world):
        await world.settled()
        before = world.engine.judged
        for step in range(100):  # five in a second
            world.now += 0.2
            world.report({f"u{number}": 10 + step % 2 for number in range(10)}, full=full)
            world.engine.tick()
            await world.settled()
        assert 0.5 * 2.0 < (world.engine.judged - before) * world.judgement_seconds < 1.1 * 2.0, "of 20 s"


async def test_what_was_told_in_the_meantime_is_judged_after_the_rest() -> None:
    world = ten_pods()
    async with running(world):
        await world.settled()
        world.report({"u3": 95}, full=False, time=1000.5)
        await world.settled()
        assert world.published.level("u3") is RiskLevel.NONE
        world.now += 1
        world.engine.tick()
        await world.settled()
        assert world.published.level("u3") is RiskLevel.CRITICAL


async def test_a_kill_is_judged_at_once_all_the_same() -> None:
    world = ten_pods()
    async with running(world):
        await world.settled()
        world.report({}, full=False, time=1000.5, incidents=(oom("a", "u2"),))
        await world.settled()
        assert [kill.incident_id for each in world.published.assessments for kill in each.containers[0].new_kills] == ["a"]


async def test_kills_in_every_report_take_no_more_than_others() -> None:
    world = ten_pods()
    async with running(world):
        await world.settled()
        before = world.engine.judged
        for step in range(100):
            world.now += 0.2
            world.report({f"u{number}": 10 for number in range(10)}, incidents=(oom(f"k{step}", "u2", at=world.now),))
            world.engine.tick()
            await world.settled()
        assert (world.engine.judged - before) * world.judgement_seconds < 1.3 * 2.0, "of 20 s, and what may be overdrawn"


async def test_a_tenant_that_changes_its_pod_all_the_time_makes_no_neighbour_wait() -> None:
    world = ten_pods()
    async with running(world):
        await world.settled()
        world.now += 2
        pod = world.pods.get("u9")
        assert pod is not None
        for step in range(50):
            world.pods.upsert(replace(pod, resource_version=f"{step + 2}", labels={"step": str(step)}))
            await world.settled()
        world.report({"u3": 95}, full=False, time=1002.0)
        await world.settled()
        assert world.published.level("u3") is RiskLevel.CRITICAL
