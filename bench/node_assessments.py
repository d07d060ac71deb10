"""What it costs to judge whole nodes: for the metrics of all nodes, and for one question to the API.

    make bench-nodes

So many nodes of 110 pods each, as plain values: no sockets, no API server. Counted is the CPU time of this process. (a) Every node
changed and is judged anew. (b) None changed: what the round costs then. (c) One scrape of their metrics. (d) `GET /v1/nodes`.
(e) One kill order. (f) The same of a node whose agent is hostile: as much as a report may hold, all of it near its limits and dying
in groups. A kill order that was just made rests in proportion to its cost, so of the two changed ones only the first is made.
Milliseconds a node; the last line reads `judge_ms=N unchanged_ms=N scrape_ms=N`.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable

from msgspec import structs
from prometheus_client import CollectorRegistry, generate_latest

from oomsight_api.report import (
    MAX_CGROUPS,
    MAX_PROCESSES,
    MAX_REPORT_BYTES,
    Cgroup,
    Container,
    Memory,
    NodeMemory,
    NodeReport,
    Process,
    decode,
    encode,
)
from oomsight_api.report import Pod as PodRow
from oomsight_operator.engine.node_contexts import NodeContexts
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.inventory.index import PodIndex
from oomsight_operator.inventory.policies import PolicyStore
from oomsight_operator.inventory.store import Store
from oomsight_operator.judgement.eviction.settings import assumed
from oomsight_operator.judgement.model import ContainerSpec, ContainerStatus, Pod
from oomsight_operator.node_assessments import NodeAssessments, follow_nodes
from oomsight_operator.node_documents import NodeDocuments
from oomsight_operator.polling.telemetry import TelemetryStore
from oomsight_operator.publishing.node_metrics import NodeMetrics

MIB = 1 << 20
PODS = 110
ASSUMED = assumed("nobody asked")
HOSTILE = "hostile"
HOSTILE_CONTAINERS = 4000


def make_pod(node: str, number: int) -> Pod:
    uid = f"{node}-{number}"
    container = ContainerSpec("app", memory_request_bytes=64 * MIB, memory_limit_bytes=256 * MIB)
    status = ContainerStatus("app", f"id-{uid}", 0, "running", started_at_seconds=0.0)
    return Pod(uid, "shop", f"pod-{uid}", node, "Running", (container,), {"app": status})


def report(node: str, grown_bytes: int) -> NodeReport:
    """A whole report; every container grew by so much."""
    rows, pods = [], []
    for number in range(PODS):
        uid, size = f"{node}-{number}", (20 + number) * MIB + grown_bytes
        memory = Memory(usage_bytes=size, working_set_bytes=size, unreclaimable_bytes=size)
        process = Process(pid=number + 2, name="app", oom_score_adj=985, rss_bytes=size, swap_bytes=0, page_tables_bytes=0)
        rows.append(Container(pod_uid=uid, container_id=f"id-{uid}", cgroup=f"/k/{uid}/c", memory=memory, processes=(process,)))
        pods.append(PodRow(pod_uid=uid, cgroup=f"/k/{uid}", memory=memory))
    root = Cgroup(cgroup="/", memory=Memory(working_set_bytes=12_000 * MIB))
    total = NodeMemory(total_bytes=32_000 * MIB, available_bytes=9_000 * MIB, swap_total_bytes=0, page_size_bytes=4096)
    return NodeReport(
        node=node, instance="i", cursor="c", full=True, time_seconds=1.0 + grown_bytes, interval_seconds=1.0, node_memory=total,
        containers=tuple(rows), pods=tuple(pods), cgroups=(root,), host_processes=(),
    )  # fmt: skip


def hostile_report(grown_bytes: int) -> NodeReport:
    """As much as costs: every container at its limit with as many processes as may be told, in groups, and cgroups around all."""
    rows, pods = [], []
    for number in range(HOSTILE_CONTAINERS):
        size = (20 + number % 50) * MIB + grown_bytes
        memory = Memory(
            usage_bytes=size,
            limit_bytes=size,
            unreclaimable_bytes=size,
            working_set_bytes=size,
            swap_limit_bytes=0,
            anon_bytes=size,
        )
        processes = tuple(
            Process(
                pid=2 + number * MAX_PROCESSES + each,
                name="a",
                oom_score_adj=900,
                rss_bytes=size // MAX_PROCESSES,
                swap_bytes=0,
                page_tables_bytes=0,
            )
            for each in range(MAX_PROCESSES)
        )
        row = Container(
            pod_uid=f"u{number}", container_id=f"i{number}", cgroup=f"/k/p{number}/c", memory=memory, processes=processes
        )
        rows.append(structs.replace(row, oom_group=True, process_count=MAX_PROCESSES))
        pods.append(PodRow(pod_uid=f"u{number}", cgroup=f"/k/p{number}", memory=memory))
    full = Memory(usage_bytes=MIB, limit_bytes=MIB, unreclaimable_bytes=MIB, working_set_bytes=MIB, swap_limit_bytes=0)
    around = tuple(Cgroup(cgroup="/k", memory=full) for _ in range(MAX_CGROUPS))
    total = NodeMemory(total_bytes=32_000 * MIB, available_bytes=MIB, swap_total_bytes=0, page_size_bytes=4096, swappiness=60)
    return NodeReport(
        node=HOSTILE, instance="i", cursor="c", full=True, time_seconds=1.0 + grown_bytes, interval_seconds=1.0, node_memory=total,
        containers=tuple(rows), pods=tuple(pods), cgroups=around, host_processes=(),
    )  # fmt: skip


def hostile(telemetry: TelemetryStore, documents: NodeDocuments, contexts: NodeContexts) -> None:
    """What one such node costs."""
    told = [encode(hostile_report(grown)) for grown in (0, MIB)]
    print(f"hostile report: {len(told[0]) / MIB:.1f} MiB of at most {MAX_REPORT_BYTES / MIB:.0f}")
    for data in told:
        reports: list[NodeReport] = []
        timed("hostile: decoded", 1, lambda data=data, reports=reports: reports.append(decode(data)))  # type: ignore[misc]
        telemetry.apply(HOSTILE, reports[0], 1.0)
        node = telemetry.get(HOSTILE)
        assert node is not None
        timed("hostile: its context", 1, lambda node=node: contexts.update(node))  # type: ignore[misc]
        timed("hostile: GET kill-order, changed", 1, lambda: documents.kill_order(HOSTILE))
        timed("hostile: GET kill-order, unchanged", 1, lambda: documents.kill_order(HOSTILE))


def timed(name: str, count: int, work: Callable[[], object]) -> float:
    """CPU milliseconds for each of `count`, told."""
    began = time.process_time()
    work()
    spent = (time.process_time() - began) * 1000 / count
    print(f"{name:<44} {spent:8.3f} ms")
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=300, help="how many nodes (default 300)")
    nodes = parser.parse_args().nodes
    pods: Store[Pod] = Store()
    cluster = Cluster(pods, PodIndex(pods), Store(), Store(), PolicyStore())
    telemetry = TelemetryStore()
    contexts = NodeContexts()
    assessments = NodeAssessments(cluster, telemetry, contexts.get, lambda _: ASSUMED)
    documents = NodeDocuments(assessments, telemetry, stale_seconds=60)
    names = [f"node-{number}" for number in range(nodes)]
    for name in names:
        for number in range(PODS):
            pods.upsert(make_pod(name, number))
    metrics, registry = NodeMetrics(), CollectorRegistry()
    registry.register(metrics)
    for grown in (0, MIB):
        for name in names:
            telemetry.apply(name, report(name, grown), 1.0)
        judged = timed(f"judged anew, node of {PODS} pods", nodes, lambda: asyncio.run(follow_nodes(assessments, metrics)))
    unchanged = timed("unchanged", nodes, lambda: asyncio.run(follow_nodes(assessments, metrics)))
    scraped = timed("scraped", nodes, lambda: generate_latest(registry))
    timed("GET /v1/nodes", nodes, lambda: asyncio.run(documents.nodes()))
    asked = names[:20]
    timed("GET /v1/nodes/<node>/kill-order", len(asked), lambda: [documents.kill_order(name) for name in asked])
    hostile(telemetry, documents, contexts)
    print(f"judge_ms={judged:.3f} unchanged_ms={unchanged:.3f} scrape_ms={scraped:.3f}")


if __name__ == "__main__":
    main()
