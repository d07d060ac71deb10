"""The engine's part in what no sample of the container itself shows: neighbours that jumped, and hours that nobody watched."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.engine_world import MIB, POLICY, World, running
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_operator.inventory.namespaces import Namespace

START = 1e9
ALWAYS: dict[str, Any] = {**POLICY, "spec": {"defaults": {"risk": {"holdSeconds": 0}, "recommendation": {"mode": "Always"}}}}
CALM = seen(40 * MIB, 100, until=START)
JUMPED = seen(36 * MIB, 0, state=seen(30 * MIB, 100, until=START - 7200), until=START - 3600)


def recommended(world: World, uid: str) -> int | None:
    """The latest limit, in MiB."""
    found = next(each for each in reversed(world.published.assessments) if each.pod_uid == uid).containers[0].recommendation
    return found.limit_bytes // MIB if found is not None and found.limit_bytes is not None else None


def world_of(*uids: str) -> World:
    world = World()
    world.now = START
    world.policies.observe(ALWAYS)
    for uid in uids:
        world.add_pod(uid)
    return world


async def test_a_pod_is_warned_by_two_others_of_its_namespace_that_jumped() -> None:
    world = world_of("u1", "u2", "u3")
    world.engine.restore({}, {"shop/u1": {"app": JUMPED}, "shop/u2": {"app": JUMPED}, "shop/u3": {"app": CALM}})
    world.report({"u1": 36, "u2": 36, "u3": 40})
    async with running(world):
        await world.settled()
        assert recommended(world, "u3") == 48


async def test_a_pod_of_another_namespace_is_not() -> None:
    world = world_of("u3")
    world.namespaces.upsert(Namespace("n2", "other", {}))
    for uid in ("u1", "u2"):
        world.add_pod(uid, namespace="other")
    world.engine.restore({}, {"other/u1": {"app": JUMPED}, "other/u2": {"app": JUMPED}, "shop/u3": {"app": CALM}})
    world.report({"u1": 36, "u2": 36, "u3": 40})
    async with running(world):
        await world.settled()
        assert recommended(world, "u3") == 44
        assert {each.pod_uid for each in world.published.assessments} == {"u1", "u2", "u3"}


async def test_the_longer_an_agent_is_silent_the_more_room_is_recommended() -> None:
    world = world_of("u1")
    world.engine.restore({}, {"shop/u1": {"app": CALM}})
    world.report({"u1": 40})
    async with running(world):
        await world.settled()
        first = recommended(world, "u1")
        for _ in range(49):
            world.now += 3601
            world.engine.tick()
            await world.settled()
        assert (first, recommended(world, "u1")) == (44, 48)
        assert len(world.published.judged()) < 60, "once an hour"
