"""An engine that knows little of a workload, and a Prometheus that knows more of its past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from prometheus_client import CollectorRegistry
from tests.oomsight_operator.engine_world import MIB, POLICY, World, running
from tests.oomsight_operator.prometheus.records import Record, Records

from oomsight_operator.histories import Histories
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.model import ContainerKind, ContainerSpec, Owner, Recommendation
from oomsight_operator.prometheus.metrics import HistoryMetrics

HOUR = 490_000
REPLICASET = Owner("apps/v1", "ReplicaSet", "web-7f9c6b5d48", "r1")
DEPLOYMENT = Owner("apps/v1", "Deployment", "web", "d1")
OLD, NEW = "web-6d5f8c9b7d-x2z4b", "web-7f9c6b5d48-q8w7r"


def held(mib: int, pod: str, hours: range = range(-336, 0)) -> Record:
    return Record("container_memory_working_set_bytes", pod, {HOUR + hour: float(mib * MIB) for hour in hours})


@asynccontextmanager
async def history_of(records: Records, mode: str = "Always") -> AsyncIterator[World]:
    """A world whose time is HOUR, a policy that recommends, and the Prometheus."""
    world = World()
    world.drift = HOUR * 3600.0
    world.policies.observe({**POLICY, "spec": {"defaults": {"risk": {"holdSeconds": 0}, "recommendation": {"mode": mode}}}})
    world.intermediates.upsert(Intermediate("r1", "shop", REPLICASET.name, DEPLOYMENT))
    histories = Histories(records, world.cluster, world.engine, HistoryMetrics(CollectorRegistry()), matchers={})
    task = asyncio.create_task(histories.run())
    try:
        async with running(world):
            yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def web(world: World, uid: str = "p1", name: str = NEW, **changes: Any) -> None:
    """A pod of the Deployment, 40Mi in use."""
    world.add_pod(uid, name=name, owner=REPLICASET, **changes)
    world.report({pod.uid: 40 for pod in world.pods}, time=world.engine.wall_now())


def recommended(world: World, uid: str) -> Recommendation | None:
    """The latest."""
    latest = next((each for each in reversed(world.published.assessments) if each.pod_uid == uid), None)
    return latest.containers[0].recommendation if latest is not None else None


async def until(holds: Callable[[], Any]) -> None:
    for _ in range(4000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited 20 s in vain")


async def test_a_recommendation_waits_for_nothing_and_goes_on_from_the_past_when_it_comes() -> None:
    async with history_of(Records([held(50, NEW), held(190, OLD, hours=range(-200, -190))])) as world:
        web(world)
        await until(lambda: recommended(world, "p1"))
        first = next(each for each in world.published.assessments if each.pod_uid == "p1")
        assert first.containers[0].recommendation is None, "judged before, of one sample"
        found = recommended(world, "p1")
        assert found is not None
        assert found.limit_bytes == 206 * MIB, "190Mi of an earlier pod, and 8.5 %"
        assert any("336 hours from Prometheus" in step.why for step in found.limit_steps)


async def test_a_workload_is_asked_for_once_whatever_the_number_of_its_pods() -> None:
    records = Records([held(50, NEW)])
    async with history_of(records) as world:
        web(world)
        await until(lambda: recommended(world, "p1"))
        before = len(records.questions)
        web(world, "p2", "web-7f9c6b5d48-zzzzz")
        await until(lambda: recommended(world, "p2"))
        assert len(records.questions) == before


async def test_without_recommendations_nothing_is_asked() -> None:
    records = Records([held(50, NEW)])
    async with history_of(records, mode="Off") as world:
        web(world)
        await until(lambda: world.published.assessments)
        await world.settled()
        assert records.questions == []


async def test_containers_that_the_workload_has_no_more_are_left_in_the_past() -> None:
    records = Records([held(50, NEW), replace(held(70, NEW), container="gone")])
    async with history_of(records) as world:
        web(world)
        await until(lambda: recommended(world, "p1"))
        assert list(world.engine.learned("shop/d1")) == ["app"]


async def test_a_debug_container_asks_for_nothing() -> None:
    records = Records([held(50, NEW)])
    async with history_of(records) as world:
        web(world, containers=(ContainerSpec("app", kind=ContainerKind.EPHEMERAL),))
        await until(lambda: world.published.assessments)
        await world.settled()
        assert records.questions == []
