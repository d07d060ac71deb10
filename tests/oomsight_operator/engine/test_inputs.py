"""Which policy decides for a pod, whose it is, and what is known around it."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.engine_world import MIB, POLICY, World, running
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_operator.inventory.constraints import LimitRange, ResourceQuota
from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.model import (
    Owner,
)
from oomsight_operator.judgement.node import Node
from oomsight_operator.judgement.recommend.state import NOTHING, OomKill, on_oom
from oomsight_operator.judgement.recommend.surroundings import LimitRule, QuotaRule

START = 1e9
ALWAYS: dict[str, Any] = {**POLICY, "spec": {"defaults": {"risk": {"holdSeconds": 0}, "recommendation": {"mode": "Always"}}}}
CALM = seen(40 * MIB, 100, until=START)
JUMPED = seen(36 * MIB, 0, state=seen(30 * MIB, 100, until=START - 7200), until=START - 3600)


def world_of(*uids: str) -> World:
    world = World()
    world.now = START
    world.policies.observe(ALWAYS)
    for uid in uids:
        world.add_pod(uid)
    return world


async def test_new_labels_of_a_namespace_move_its_pods_under_another_policy() -> None:
    world = World()
    selector = {"namespaceSelector": {"matchLabels": {"team": "data"}}, "defaults": {}}
    world.policies.observe({**POLICY, "spec": selector})
    world.add_pod("u1")
    world.report({"u1": 99})
    async with running(world):
        await world.settled()
        assert world.published.judged() == []
        world.namespaces.upsert(Namespace("n1", "shop", {"team": "data"}, "2"))
        await world.settled()
        assert world.published.judged() == ["u1"]


async def test_a_pod_whose_namespace_is_not_known_yet_waits_for_it() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1", namespace="new")
    world.report({"u1": 99})
    async with running(world):
        await world.settled()
        assert world.published.judged() == []
        assert world.published.withdrawn == []
        world.namespaces.upsert(Namespace("n2", "new", {}))
        await world.settled()
        assert world.published.judged() == ["u1"]


async def test_a_pods_workload_is_known_when_its_replicaset_arrives_late() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1", owner=Owner("apps/v1", "ReplicaSet", "web-1", "r1"))
    world.report({"u1": 99})
    deployment = Owner("apps/v1", "Deployment", "web", "d1")
    async with running(world):
        await world.settled()
        world.intermediates.upsert(Intermediate("r1", "shop", "web-1", deployment))
        await world.settled()
        assert world.published.workloads["u1"] == deployment


async def test_a_recommendation_fits_into_the_namespace_and_the_nodes() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    world.limit_ranges.upsert(LimitRange("l1", "shop", (LimitRule("mem", max_bytes=120 * MIB),)))
    world.engine.restore({}, {"shop/u1": {"app": on_oom(NOTHING, [OomKill(100 * MIB, world.now - 60)])}})
    world.report({"u1": 10})
    async with running(world):
        await world.settled()
        first = world.published.assessments[-1].containers[0].recommendation
        world.nodes.upsert(Node("n1", "node-a", allocatable_bytes=110 * MIB))
        world.report({"u1": 11}, full=False, time=1001.0)
        await world.settled()
        second = world.published.assessments[-1].containers[0].recommendation
    assert first is not None
    assert second is not None
    assert (first.limit_bytes, second.limit_bytes) == (120 * MIB, 110 * MIB)


async def test_a_quota_is_held_against_every_living_pod_of_the_workload() -> None:
    world = World()
    world.policies.observe(POLICY)
    web = Owner("apps/v1", "Deployment", "web", "uid-web")
    for name in ("old", "new"):
        world.intermediates.upsert(Intermediate(f"uid-{name}", "shop", f"web-{name}", web))
    for uid, name in (("u1", "old"), ("u2", "new"), ("u3", "new")):
        world.add_pod(uid, owner=Owner("apps/v1", "ReplicaSet", f"web-{name}", f"uid-{name}"))
    world.add_pod("u4", owner=Owner("apps/v1", "ReplicaSet", "web-old", "uid-old"), phase="Failed")
    world.quotas.upsert(ResourceQuota("q1", "shop", QuotaRule("team", limits_left_bytes=50 * MIB)))
    world.engine.restore({}, {"shop/uid-web": {"app": on_oom(NOTHING, [OomKill(100 * MIB, world.now - 60)])}})
    world.report({"u1": 10, "u2": 10, "u3": 10})
    async with running(world):
        await world.settled()
        found = world.published.assessments[-1].containers[0].recommendation
    assert found is not None
    assert found.limit_steps[-1].why.startswith(
        "ResourceQuota team leaves 50Mi of limits.memory, and each of 3 replicas needs 25Mi more, 75Mi in all"
    )


async def test_a_tenants_pod_learns_and_teaches_nothing_by_naming_another_namespaces_workload_as_its_owner() -> None:
    world = World()
    world.policies.observe(POLICY)
    deployment = Owner("apps/v1", "Deployment", "web", "uid-web")
    world.add_pod("u1", owner=deployment)
    world.namespaces.upsert(Namespace("n2", "other", {}))
    world.add_pod("u2", owner=deployment, namespace="other")
    world.engine.restore({}, {"other/uid-web": {"app": on_oom(NOTHING, [OomKill(100 * MIB, world.now - 60)])}})
    world.report({"u1": 10, "u2": 90})
    async with running(world):
        await world.settled()
        judged = {each.pod_uid: each.containers[0] for each in world.published.assessments}
    assert judged["u2"].recommendation is not None
    assert judged["u1"].recommendation is None
    learned = judged["u1"].learned
    assert learned is not None
    assert learned.unreclaimable is not None
    assert learned.unreclaimable.peak_bytes == 10 * MIB


async def test_a_pod_is_warned_by_two_others_of_its_namespace_that_jumped() -> None:
    world = world_of("u1", "u2", "u3")
    world.engine.restore({}, {"shop/u1": {"app": JUMPED}, "shop/u2": {"app": JUMPED}, "shop/u3": {"app": CALM}})
    world.report({"u1": 36, "u2": 36, "u3": 40})
    async with running(world):
        await world.settled()
        assert world.published.recommended_mib("u3") == 47


async def test_a_pod_of_another_namespace_is_not() -> None:
    world = world_of("u3")
    world.namespaces.upsert(Namespace("n2", "other", {}))
    for uid in ("u1", "u2"):
        world.add_pod(uid, namespace="other")
    world.engine.restore({}, {"other/u1": {"app": JUMPED}, "other/u2": {"app": JUMPED}, "shop/u3": {"app": CALM}})
    world.report({"u1": 36, "u2": 36, "u3": 40})
    async with running(world):
        await world.settled()
        assert world.published.recommended_mib("u3") == 43
        assert {each.pod_uid for each in world.published.assessments} == {"u1", "u2", "u3"}
