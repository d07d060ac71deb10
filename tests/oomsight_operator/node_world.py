"""A cluster of plain values with nodes, for the tests of what is judged and told of them."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.engine_world import MIB, World

from oomsight_api.report import Cgroup, Container, Memory, NodeMemory, NodeReport, Process
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.inventory.index import PodIndex
from oomsight_operator.inventory.nodes import Nodes
from oomsight_operator.inventory.store import Store
from oomsight_operator.judgement.eviction.settings import EvictionSettings, assumed
from oomsight_operator.judgement.node import Node
from oomsight_operator.node_assessments import NodeAssessments
from oomsight_operator.node_documents import NodeDocuments

ASSUMED = assumed("nobody asked")


class NodeWorld:
    """node-a and node-b; an agent speaks for whichever reports."""

    def __init__(self) -> None:
        world = World()
        self.world = world
        self.cpu_seconds = 0.0
        """That documents took so far."""
        self.nodes: Store[Node] = Store()
        self.settings: dict[str, EvictionSettings] = {}
        for name in ("node-a", "node-b"):
            self.nodes.upsert(Node(f"uid-{name}", name, 900 * MIB, 1000 * MIB, memory_pressure=False))
        cluster = Cluster(
            world.pods, PodIndex(world.pods), world.namespaces, world.intermediates, world.policies, Nodes(self.nodes)
        )
        self.assessments = NodeAssessments(
            cluster, world.telemetry, world.engine.node_context, lambda name: self.settings.get(name, ASSUMED)
        )
        self.documents = NodeDocuments(
            self.assessments,
            world.telemetry,
            stale_seconds=60,
            wall_clock=lambda: world.now,
            monotonic=lambda: world.now,
            cpu_clock=lambda: self.cpu_seconds,
        )

    def report(
        self,
        used_mib: dict[str, int],
        *,
        node: str = "node-a",
        adj: dict[str, int] | None = None,
        host_processes: tuple[Process, ...] | None = (),
        **memory: Any,
    ) -> None:
        """A whole report: working set by pod uid, each by one process with this oom_score_adj (0)."""
        rows = tuple(
            Container(
                pod_uid=uid,
                container_id=f"id-{uid}",
                cgroup=f"/kubepods/{uid}",
                memory=Memory(working_set_bytes=mib * MIB, usage_bytes=mib * MIB, unreclaimable_bytes=mib * MIB),
                processes=(
                    Process(
                        pid=100 + number,
                        name="app\x1b",
                        oom_score_adj=(adj or {}).get(uid, 0),
                        rss_bytes=mib * MIB,
                        swap_bytes=0,
                        page_tables_bytes=0,
                    ),
                ),
            )
            for number, (uid, mib) in enumerate(used_mib.items())
        )
        told = NodeMemory(
            **{
                "total_bytes": 1000 * MIB,
                "available_bytes": 500 * MIB,
                "swap_total_bytes": 0,
                "page_size_bytes": 4096,
                "signed_badness": True,
                **memory,
            }
        )
        root = Cgroup(cgroup="/", memory=Memory(working_set_bytes=sum(used_mib.values()) * MIB))
        self.world.engine.report_arrived(
            node,
            NodeReport(
                node=node,
                instance="i1",
                cursor="c",
                full=True,
                time_seconds=self.world.now,
                interval_seconds=1.0,
                node_memory=told,
                containers=rows,
                cgroups=(root,),
                host_processes=host_processes,
            ),
        )
