"""Kills and what is known of them, from a few literals."""

from __future__ import annotations

from typing import Any

from oomsight_api.incident import Evidence, Incident, KillMemory, LastSample, OomScope, Task, Trigger, Victim
from oomsight_api.report import Container, Memory
from oomsight_operator.judgement.cause.context import KillContext
from oomsight_operator.judgement.kills.model import Kill, KillSource

KI = 1024
MI = 1024 * KI
NOW = 1_772_359_200.0
RUN, EARLIER_RUN = "a" * 64, "b" * 64
OWN, POD, NODE, OTHER = OomScope.CONTAINER, OomScope.POD, OomScope.NODE, OomScope.CGROUP


def kill(scope: OomScope | None = OWN, *, limit: int | None = 512 * MI, **more: Any) -> Kill:
    """A kill that ended container app, told by the kernel's log."""
    return Kill(
        time_seconds=more.pop("at", NOW),
        container_name="app",
        container_id=more.pop("run", RUN),
        source=more.pop("source", KillSource.KERNEL_LOG),
        limit_bytes=limit,
        exit_code=more.pop("exit_code", 137),
        scope=scope,
        **more,
    )


def child_kill(scope: OomScope | None = OWN, **more: Any) -> Kill:
    """A kill after which container app went on."""
    return kill(scope, exit_code=None, victim_pid=more.pop("victim_pid", 17), victim_name=more.pop("victim_name", "worker"), **more)


def held(usage: int | None = 512 * MI, limit: int | None = 512 * MI, age: float | None = None, **kinds: int) -> KillMemory:
    """What was charged; fields of `KillMemory` without `_bytes`."""
    return KillMemory(
        age_seconds=age, usage_bytes=usage, limit_bytes=limit, **{f"{kind}_bytes": size for kind, size in kinds.items()}
    )


def sample(need: int | None = None, age: float = 9.0, slope: float | None = None, **more: Any) -> LastSample:
    """The last sample; fields of `LastSample` without `_bytes`, and `slope` in bytes per second."""
    refaults = more.pop("refaults", None)
    return LastSample(
        age_seconds=age,
        unreclaimable_bytes=need,
        floor_slope_bytes_per_second=slope,
        refaults_per_second=refaults,
        **{f"{kind}_bytes": size for kind, size in more.items()},
    )


def context(**more: Any) -> KillContext:
    """Of container app; `ran` seconds."""
    ran = more.pop("ran", None)
    return KillContext(
        "app",
        started_at_seconds=None if ran is None else NOW - ran,
        window_seconds=more.pop("window", 86400.0),
        **more,
    )


def earlier(*ages: float, limit: int = 512 * MI) -> tuple[Kill, ...]:
    """Kills of earlier runs, so many seconds before."""
    return tuple(kill(at=NOW - age, run=f"{index:064x}", limit=limit) for index, age in enumerate(ages))


def incident(*victims: Victim, tasks: tuple[Task, ...] = (), **more: Any) -> Incident:
    """What the agent told of it."""
    return Incident(
        id=more.pop("id", "boot-1"),
        time_seconds=NOW,
        evidence=more.pop("evidence", Evidence.BOTH),
        victims=victims,
        victim_count=len(victims),
        tasks=tasks,
        **more,
    )


def victim(pid: int | None = 17, name: str = "worker", *, anon: int | None = None, shmem: int | None = None, **more: Any) -> Victim:
    """A killed process of container app."""
    return Victim(container_id=more.pop("run", RUN), pid=pid, name=name, anon_rss_bytes=anon, shmem_rss_bytes=shmem, **more)


def task(pid: int, name: str, rss: int) -> Task:
    """A row of the kernel's task table."""
    return Task(pid=pid, name=name, rss_bytes=rss)


def triggered_by(container: str) -> Trigger:
    """Whose allocation it was."""
    return Trigger(pid=99, name="t", container_name=container)


def row(name: str, need: int | None) -> Container:
    """The latest row of a container of the pod."""
    return Container(
        pod_uid="uid-1", container_id="d" * 64, cgroup=f"/{name}", container_name=name, memory=Memory(unreclaimable_bytes=need)
    )
