"""A node with two pods and a process outside them, as an agent and the API tell it."""

from __future__ import annotations

import json
from typing import Any

from tests.oomsight_operator.judgement.build import FIRST_RUN, GI, MI, NOW, SECOND_RUN, THIRD_RUN, memory, pod, running, spec

from oomsight_api.report import Container, NodeMemory, Process
from oomsight_api.report import Pod as PodRow
from oomsight_operator.engine.node_contexts import NodeContexts
from oomsight_operator.judgement.model import NodeContext, Pod
from oomsight_operator.polling.telemetry import NodeTelemetry
from oomsight_operator.views.kill_order import kill_order_document
from oomsight_operator.views.sample import Sample

WEB = pod(spec("app"), statuses=(running("app", FIRST_RUN),), uid="uid-web", namespace="team-a", name="web-1")
DB = pod(spec("postgres"), statuses=(running("postgres", SECOND_RUN),), uid="uid-db", namespace="team-b", name="db-0")
PAGE = 4096
SAMPLE = Sample("node-1", NOW + 2, NOW, 2.04)
NODE_MEMORY = NodeMemory(
    total_bytes=16 * GI,
    available_bytes=8 * GI,
    swap_total_bytes=0,
    page_size_bytes=PAGE,
    swappiness=60,
    signed_badness=True,
)
PODS: tuple[Pod, ...] = (WEB, DB)


def process(pid: int, name: str, *, rss: int, adj: int, **more: Any) -> Process:
    return Process(pid=pid, name=name, oom_score_adj=adj, rss_bytes=rss, swap_bytes=0, page_tables_bytes=0, **more)


def container(run: str, pod_uid: str, *processes: Process, **more: Any) -> Container:
    return Container(
        pod_uid=pod_uid,
        container_id=run,
        cgroup=f"/kubepods/pod{pod_uid}/{run}",
        processes=processes,
        process_count=len(processes),
        memory=more.pop("uses", memory()),
        **more,
    )


def telemetry(*rows: Container, **more: Any) -> NodeTelemetry:
    """web: two workers at 999; db: one process at 985; sandbox of web; sshd outside pods."""
    told = rows or (
        container(
            FIRST_RUN,
            "uid-web",
            process(11, "nginx", rss=40 * MI, adj=999),
            process(12, "nginx", rss=30 * MI, adj=999),
            uses=memory(60 * MI, 64 * MI, anon=66 * MI, swap_limit=0),
            container_name="lies",
            oom_group=True,
        ),
        container(SECOND_RUN, "uid-db", process(21, "postgres", rss=2 * GI, adj=800), uses=memory(2 * GI, 8 * GI)),
        container(THIRD_RUN, "uid-web", process(10, "pause", rss=MI, adj=-998)),
    )
    node = NodeTelemetry("node-1", "i1", 0.0, memory=more.pop("memory", NODE_MEMORY), version=1)
    node.containers = {row.container_id: row for row in told}
    node.pods = {
        "uid-web": PodRow(pod_uid="uid-web", cgroup="/kubepods/poduid-web", memory=memory(MI)),
    }
    node.host_processes = (process(9, "sshd", rss=8 * MI, adj=0, cgroup="/system.slice/ssh.service"),)
    node.time_seconds, node.interval_seconds = NOW, 1.0
    for name, value in more.items():
        setattr(node, name, value)
    return node


def context(node: NodeTelemetry) -> NodeContext:
    return NodeContexts().get(node)


def document(node: NodeTelemetry, pods: tuple[Pod, ...] = PODS) -> dict[str, Any]:
    """The kill order as who asks gets it."""
    parsed: dict[str, Any] = json.loads(json.dumps(kill_order_document(node, pods, sample=SAMPLE), allow_nan=False))
    return parsed
