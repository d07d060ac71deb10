"""A cluster of plain values around an engine, for its tests; time is in the test's hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_api.names import RiskLevel
from oomsight_api.report import Container, Memory, NodeMemory, NodeReport, Process
from oomsight_operator.engine.engine import Engine, EngineTiming, PublisherLike
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.inventory.constraints import Constraints, LimitRange, ResourceQuota
from oomsight_operator.inventory.index import PodIndex
from oomsight_operator.inventory.namespaces import Namespace
from oomsight_operator.inventory.nodes import Nodes
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.inventory.store import Store
from oomsight_operator.inventory.workloads import Intermediate
from oomsight_operator.judgement.model import (
    Assessment,
    ContainerSpec,
    ContainerStatus,
    Owner,
    Pod,
    PodHistory,
    PolicyRef,
)
from oomsight_operator.judgement.node import Node
from oomsight_operator.polling.telemetry import TelemetryStore

MIB = 1 << 20
POLICY = {
    "apiVersion": "oomsight.dev/v1alpha1",
    "kind": "ClusterMemoryPolicy",
    "metadata": {"name": "all", "uid": "p1", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"defaults": {"risk": {"holdSeconds": 0}}},
}


def oom(incident_id: str, *pods: str, at: float = 1000.0, scope: OomScope = OomScope.CONTAINER) -> Incident:
    """A kill in each of these pods."""
    victims = tuple(Victim(pod_uid=uid, container_id=f"id-{uid}") for uid in pods)
    return Incident(
        id=incident_id,
        time_seconds=at,
        evidence=Evidence.KERNEL_LOG,
        scope=scope,
        victims=victims,
        victim_count=len(victims),
        container_survived=True,
    )


class Published:
    """What a publisher was told, newest last."""

    def __init__(self) -> None:
        self.assessments: list[Assessment] = []
        self.workloads: dict[str, Owner | None] = {}
        self.histories: dict[str, PodHistory] = {}
        self.withdrawn: list[str] = []
        self.forgotten: list[str] = []
        self.node_incidents: list[tuple[str, str]] = []
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
        if history is not None:
            self.histories[pod.uid] = history

    def withdraw(self, pod: Pod) -> None:
        self.withdrawn.append(pod.uid)

    def forget(self, pod_uid: str) -> None:
        self.forgotten.append(pod_uid)

    def set_complete(self, complete: bool) -> None:
        self.complete = complete

    def node_incident(self, node_name: str, incident: Incident) -> None:
        self.node_incidents.append((node_name, incident.id))

    def recommended_mib(self, uid: str) -> int | None:
        """The latest limit of the pod's first container."""
        found = next(each for each in reversed(self.assessments) if each.pod_uid == uid).containers[0].recommendation
        return found.limit_bytes // MIB if found is not None and found.limit_bytes is not None else None

    def level(self, uid: str) -> RiskLevel | None:
        return next((each.level for each in reversed(self.assessments) if each.pod_uid == uid), None)

    def judged(self) -> list[str]:
        return [each.pod_uid for each in self.assessments]


class World:
    """A cluster as plain values, with an engine on top and a clock that stands still until it is moved."""

    def __init__(self, timing: EngineTiming | None = None, publisher: PublisherLike | None = None) -> None:
        self.now = 1000.0
        self.drift = 0.0
        self.faults = 0
        self.judgement_seconds = 0.0
        """CPU time that each judgement takes."""
        self._cpu_seconds = 0.0
        self.pods: Store[Pod] = Store()
        self.namespaces: Store[Namespace] = Store()
        self.intermediates: Store[Intermediate] = Store()
        self.nodes: Store[Node] = Store()
        self.policies = PolicyStore()
        self.telemetry = TelemetryStore()
        self.published = publisher if isinstance(publisher, Published) else Published()
        self.namespaces.upsert(Namespace("n1", "shop", {"team": "web"}))
        self.limit_ranges: Store[LimitRange] = Store()
        self.quotas: Store[ResourceQuota] = Store()
        self.cluster = Cluster(
            self.pods,
            PodIndex(self.pods),
            self.namespaces,
            self.intermediates,
            self.policies,
            Nodes(self.nodes),
            Constraints(self.limit_ranges, self.quotas),
        )
        self.engine = Engine(
            self.cluster,
            self.telemetry,
            publisher or self.published,
            timing=timing or EngineTiming(gather_seconds=0.0, tick_seconds=0.01),
            wall_clock=lambda: self.now + self.drift,
            monotonic=lambda: self.now,
            cpu_clock=self._look_at_cpu_clock,
            on_fault=self.note_fault,
        )

    def _look_at_cpu_clock(self) -> float:
        self._cpu_seconds += self.judgement_seconds
        return self._cpu_seconds

    def note_fault(self) -> None:
        self.faults += 1

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

    def report(
        self,
        used: dict[str, int],
        *,
        full: bool = True,
        available_mib: int = 500,
        time: float | None = None,
        incidents: tuple[Incident, ...] = (),
    ) -> None:
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
            incidents=incidents,
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
