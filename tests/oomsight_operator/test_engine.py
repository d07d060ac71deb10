from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from oomsight_api.names import RiskLevel
from oomsight_api.report import Container, Memory, NodeMemory, NodeReport, Process
from oomsight_operator.engine import Cluster, Engine, EngineTiming
from oomsight_operator.inventory.index import PodIndex
from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.inventory.store import Store
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.model import (
    Assessment,
    ContainerHistory,
    ContainerSpec,
    ContainerStatus,
    Owner,
    Pod,
    PodHistory,
    PolicyRef,
)
from oomsight_operator.polling.telemetry import TelemetryStore

MIB = 1 << 20
POLICY = {
    "apiVersion": "oomsight.dev/v1alpha1",
    "kind": "ClusterMemoryPolicy",
    "metadata": {"name": "all", "uid": "p1", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"defaults": {"risk": {"holdSeconds": 0}}},
}


class Published:
    """What a publisher was told, newest last."""

    def __init__(self) -> None:
        self.assessments: list[Assessment] = []
        self.workloads: dict[str, Owner | None] = {}
        self.withdrawn: list[str] = []
        self.forgotten: list[str] = []
        self.complete = False

    def offer(
        self,
        pod: Pod,
        assessment: Assessment,
        workload: Owner | None = None,
        history: PodHistory | None = None,
        losers: Iterable[PolicyRef] = (),
    ) -> None:
        self.assessments.append(assessment)
        self.workloads[pod.uid] = workload

    def withdraw(self, pod: Pod) -> None:
        self.withdrawn.append(pod.uid)

    def forget(self, pod_uid: str) -> None:
        self.forgotten.append(pod_uid)

    def set_complete(self, complete: bool) -> None:
        self.complete = complete

    def level(self, uid: str) -> RiskLevel | None:
        return next((each.level for each in reversed(self.assessments) if each.pod_uid == uid), None)

    def judged(self) -> list[str]:
        return [each.pod_uid for each in self.assessments]


class World:
    """A cluster as plain values, with an engine on top and a clock that stands still until it is moved."""

    def __init__(self, timing: EngineTiming | None = None) -> None:
        self.now = 1000.0
        self.pods: Store[Pod] = Store()
        self.namespaces: Store[Namespace] = Store()
        self.intermediates: Store[Intermediate] = Store()
        self.policies = PolicyStore()
        self.telemetry = TelemetryStore()
        self.published = Published()
        self.namespaces.upsert(Namespace("n1", "shop", {"team": "web"}))
        cluster = Cluster(self.pods, PodIndex(self.pods), self.namespaces, self.intermediates, self.policies)
        self.engine = Engine(
            cluster,
            self.telemetry,
            self.published,
            timing=timing or EngineTiming(gather_seconds=0.0, tick_seconds=0.01),
            wall_clock=lambda: self.now,
            monotonic=lambda: self.now,
        )

    def add_pod(self, uid: str, **changes: Any) -> Pod:
        pod = Pod(
            uid=uid,
            namespace="shop",
            name=f"pod-{uid}",
            node_name="node-a",
            phase="Running",
            containers=(ContainerSpec("app", memory_limit_bytes=100 * MIB, memory_request_bytes=100 * MIB),),
            statuses={"app": ContainerStatus("app", f"id-{uid}", 0, "running", started_at_seconds=0.0)},
        )
        pod = replace(pod, **changes)
        self.pods.upsert(pod)
        return pod

    def report(self, used: dict[str, int], *, full: bool = True, available_mib: int = 500, time: float | None = None) -> None:
        """Unreclaimable MiB by pod uid."""
        rows = tuple(
            Container(
                pod_uid=uid,
                container_id=f"id-{uid}",
                cgroup="/c",
                memory=Memory(
                    usage_bytes=mib * MIB, limit_bytes=100 * MIB, unreclaimable_bytes=mib * MIB, working_set_bytes=mib * MIB
                ),
                processes=(Process(pid=1, name="app", oom_score_adj=0, rss_bytes=mib * MIB),),
            )
            for uid, mib in used.items()
        )
        report = NodeReport(
            node="node-a",
            instance="i1",
            cursor="c",
            full=full,
            time_seconds=self.now if time is None else time,
            interval_seconds=1.0,
            node_memory=NodeMemory(
                total_bytes=1000 * MIB, available_bytes=available_mib * MIB, swap_total_bytes=0, page_size_bytes=4096
            ),
            containers=rows,
        )
        self.engine.report_arrived("node-a", report)

    async def settled(self) -> None:
        await self.engine.idle()


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    world.policies.listener = _Forward(world)
    task = asyncio.create_task(world.engine.run())
    try:
        yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Forward:
    def __init__(self, world: World) -> None:
        self._world = world

    def policy_seen(self, policy: object) -> None: ...

    def policy_gone(self, ref: PolicyRef) -> None: ...

    def policies_changed(self) -> None:
        self._world.engine.policies_changed()


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


async def test_the_cost_is_linear_in_what_changes() -> None:
    world = World()
    world.policies.observe(POLICY)
    for number in range(1000):
        world.add_pod(f"u{number}")
    world.report({f"u{number}": 10 for number in range(1000)})
    async with running(world):
        await world.settled()
        before = world.engine.judged
        for step in range(100):
            world.report({f"u{step}": 20 + step % 3}, full=False, time=1001.0 + step)
        await world.settled()
        assert world.engine.judged - before == 100


async def test_without_a_policy_pods_are_withdrawn_and_never_judged() -> None:
    world = World()
    world.add_pod("u1")
    world.report({"u1": 99})
    async with running(world):
        await world.settled()
        assert world.published.judged() == []
        assert world.published.withdrawn == ["u1"]
        world.policies.observe(POLICY)
        await world.settled()
        assert world.published.level("u1") is RiskLevel.CRITICAL
        world.policies.observe(POLICY, deleted=True)
        await world.settled()
        assert world.published.withdrawn == ["u1", "u1"]


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


async def test_a_silent_agent_makes_its_pods_unknown() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    world.report({"u1": 10})
    async with running(world):
        await world.settled()
        assert world.published.level("u1") is RiskLevel.NONE
        world.now += 61
        world.engine.tick()
        await world.settled()
        assert world.published.level("u1") is RiskLevel.UNKNOWN


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


async def test_a_deleted_pod_is_forgotten() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    async with running(world):
        world.pods.delete("u1")
        await world.settled()
        assert world.published.forgotten == ["u1"]
        assert world.published.judged() == []
        assert world.published.complete


async def test_a_container_of_another_node_cannot_be_touched_by_this_nodes_agent() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1", node_name="node-b")
    async with running(world):
        await world.settled()
        world.report({"u1": 99})
        await world.settled()
        assert world.published.judged() == []


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


async def test_a_node_that_runs_short_is_judged_anew_as_a_whole() -> None:
    world = World()
    world.policies.observe(POLICY)
    for uid in ("u1", "u2"):
        world.add_pod(uid)
    world.report({"u1": 10, "u2": 10})
    async with running(world):
        await world.settled()
        world.published.assessments.clear()
        world.report({}, full=False, available_mib=80, time=1001.0)
        await world.settled()
        assert sorted(world.published.judged()) == ["u1", "u2"]


async def test_history_of_an_earlier_run_is_gone_on_from() -> None:
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    history = PodHistory(containers={"app": ContainerHistory(level=RiskLevel.HIGH, peak_bytes=98 * MIB)})
    world.engine.restore({"u1": history, "gone": history})
    world.report({"u1": 10})
    async with running(world):
        await world.settled()
        assert world.published.assessments[-1].previous_level is RiskLevel.HIGH


async def test_one_pod_that_breaks_judgement_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks_on_u1(pod: Pod, *rest: Any) -> Any:
        if pod.uid == "u1":
            raise ZeroDivisionError
        return assess_pod(pod, *rest)

    monkeypatch.setattr("oomsight_operator.engine.assess_pod", breaks_on_u1)
    world = World()
    world.policies.observe(POLICY)
    world.add_pod("u1")
    world.add_pod("u2")
    world.report({"u1": 10, "u2": 10})
    async with running(world):
        await world.settled()
        assert set(world.published.judged()) == {"u2"}
        assert world.engine.faults >= 1
