"""Pods, rows and nodes from a few literals, for the tests of judgement and of what is rendered from it."""

from __future__ import annotations

from typing import Any

from oomsight_api.policy import PolicyRules
from oomsight_api.report import Container, Memory, NodeMemory, Process
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.model import (
    Assessment,
    ContainerKind,
    ContainerSpec,
    ContainerStatus,
    EffectivePolicy,
    NodeContext,
    Pod,
    PodHistory,
    PolicyRef,
    Telemetry,
    Termination,
)
from oomsight_operator.judgement.risk.subject import Subject

KI = 1024
MI = 1024 * KI
GI = 1024 * MI
NOW = 1_772_359_200.0
"""2026-03-01T10:00:00Z."""
FIRST_RUN, SECOND_RUN, THIRD_RUN = "a" * 64, "b" * 64, "c" * 64
ROOMY = NodeMemory(total_bytes=16 * GI, available_bytes=8 * GI, swap_total_bytes=0, page_size_bytes=4096)
SHORT = NodeMemory(total_bytes=16 * GI, available_bytes=GI, swap_total_bytes=0, page_size_bytes=4096)


def spec(name: str = "app", *, request: int | None = None, limit: int | None = None, **more: Any) -> ContainerSpec:
    """A container with memory resources; `cpu=(request, limit)` in millicores."""
    cpu_request, cpu_limit = more.pop("cpu", (None, None))
    return ContainerSpec(
        name=name,
        kind=ContainerKind(more.pop("kind", "app")),
        memory_request_bytes=request,
        memory_limit_bytes=limit,
        cpu_request_millicores=cpu_request,
        cpu_limit_millicores=cpu_limit,
        **more,
    )


def running(name: str = "app", run: str = FIRST_RUN, **more: Any) -> ContainerStatus:
    """A running container."""
    return ContainerStatus(
        name, run, more.pop("restarts", 0), "running", started_at_seconds=more.pop("started", NOW - 3600.0), **more
    )


def waiting(name: str = "app", **more: Any) -> ContainerStatus:
    """A container that does not run, and may run again."""
    return ContainerStatus(name, more.pop("run", None), more.pop("restarts", 0), "waiting", **more)


def end(run: str = FIRST_RUN, reason: str = "OOMKilled", code: int | None = 137, at: float | None = NOW) -> Termination:
    """The end of a run."""
    return Termination(run, reason, code, None, at)


def pod(*containers: ContainerSpec, statuses: tuple[ContainerStatus, ...] | None = None, **more: Any) -> Pod:
    """A pod whose containers all run, unless `statuses` says otherwise."""
    told = statuses if statuses is not None else tuple(running(container.name) for container in containers)
    return Pod(
        uid=more.pop("uid", "uid-1"),
        namespace=more.pop("namespace", "team-a"),
        name=more.pop("name", "web-1"),
        node_name=more.pop("node_name", "node-1"),
        phase=more.pop("phase", "Running"),
        containers=containers,
        statuses={status.name: status for status in told},
        **more,
    )


def memory(unreclaimable: int | None = None, limit: int | None = None, **more: Any) -> Memory:
    """Memory of a cgroup; fields of `Memory` without `_bytes`."""
    fields = {name if isinstance(value, bool) else f"{name}_bytes": value for name, value in more.items()}
    return Memory(unreclaimable_bytes=unreclaimable, limit_bytes=limit, **fields)


def row(run: str = FIRST_RUN, uses: Memory | None = None, **more: Any) -> Container:
    """What the agent tells of one container."""
    return Container(pod_uid="uid-1", container_id=run, cgroup=f"/kubepods/poduid-1/{run}", memory=uses or Memory(), **more)


def process(pid: int = 7, *, rss: int | None = 0, adj: int | None = 0, swap: int | None = 0, tables: int | None = 0) -> Process:
    """A process in bytes."""
    return Process(pid=pid, name=f"p{pid}", oom_score_adj=adj, rss_bytes=rss, swap_bytes=swap, page_tables_bytes=tables)


def rules(**more: Any) -> PolicyRules:
    """A policy's rules as its YAML would say them."""
    return PolicyRules.model_validate(more)


def policy(**more: Any) -> EffectivePolicy:
    """The policy in force."""
    return EffectivePolicy(PolicyRef("MemoryPolicy", "default", "team-a"), rules(**more))


def subject(container: ContainerSpec, uses: Memory | None = None, **more: Any) -> Subject:
    """What a rule looks at: a running container on a roomy node."""
    row_of = more.pop("row") if "row" in more else row(uses=uses)
    return Subject(
        spec=container,
        running=more.pop("running", True),
        row=row_of,
        node=more.pop("node", NodeContext("node-1", ROOMY)),
        policy=rules(risk=more.pop("risk", {})).risk,
        kills=more.pop("kills", ()),
        now_seconds=more.pop("now", NOW),
        **more,
    )


def judge(
    of: Pod,
    rows: dict[str, Container] | None,
    history: PodHistory | None = None,
    *,
    now: float = NOW,
    node: NodeContext | None = None,
    under: EffectivePolicy | None = None,
    **more: Any,
) -> tuple[Assessment, PodHistory]:
    """One judgement; `rows` None is a silent agent."""
    incidents = more.pop("incidents", ())
    told = Telemetry(now, 1.0, rows, more.pop("pod_row", None), incidents) if rows is not None else None
    context = node if node is not None else NodeContext("node-1", ROOMY)
    return assess_pod(of, told, context, under if under is not None else policy(**more), history or PodHistory(), now)
