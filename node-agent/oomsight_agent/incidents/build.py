"""From a case to the `Incident` that is told, within the bounds of the contract (the operator refuses a report beyond)."""

from __future__ import annotations

from typing import Final

from oomsight_agent.incidents.case import Case, Kill, Place
from oomsight_agent.incidents.names import Names
from oomsight_agent.kernel.oom_log.model import LogMemory, LogOom, LogTask
from oomsight_api.bounds import MOST
from oomsight_api.incident import (
    MAX_TASKS,
    MAX_VICTIMS,
    Evidence,
    Incident,
    KillMemory,
    LastSample,
    Task,
    Trigger,
    Victim,
)
from oomsight_api.report import Container, Memory

_MAX_TEXT: Final = 1024
_MAX_PATH: Final = 4096
_LAST_SECOND: Final = 253402300799.0


def build(case: Case, names: Names) -> Incident:
    """The case as it is known now."""
    told = [kill for kill in case.kills if not kill.waits]
    oom = case.oom
    return Incident(
        id=case.id,
        time_seconds=unix_time(case.time_seconds),
        not_before_seconds=None if case.not_before_seconds is None else unix_time(case.not_before_seconds),
        evidence=_evidence(oom, told),
        scope=case.limit.scope,
        limit_cgroup=_path(case.limit.cgroup),
        limit_pod_uid=case.limit.pod_uid,
        limit_container_id=case.limit.container_id,
        trigger=None if oom is None else _trigger(oom, case.trigger_container_id, names),
        oom_group=case.oom_group,
        victims=tuple([_victim(kill, names) for kill in told[:MAX_VICTIMS]]),
        victim_count=len(told),
        memory=_log_memory(oom.memory) if oom is not None and oom.memory is not None else case.memory,
        tasks=tuple([_task(task) for task in oom.tasks[:MAX_TASKS]]) if oom is not None else (),
        before=case.before,
        container_survived=case.survived,
    )


def _evidence(oom: LogOom | None, kills: list[Kill]) -> Evidence:
    if oom is None:
        return Evidence.COUNTER
    return Evidence.BOTH if any(kill.ordinal is not None for kill in kills) else Evidence.KERNEL_LOG


def _victim(kill: Kill, names: Names) -> Victim:
    place = kill.place or Place()
    name = names.container(place.container_id)
    pod_name, namespace = (name.pod_name, name.namespace) if name is not None else (None, None)
    if pod_name is None:
        pod_name, namespace = names.pod(place.pod_uid)
    log, process = kill.log, kill.process
    return Victim(
        pod_uid=place.pod_uid or (name.pod_uid if name is not None else None),
        container_id=place.container_id,
        pod_name=pod_name,
        namespace=namespace,
        container_name=name.container_name if name is not None else None,
        cgroup=_path(place.cgroup),
        attributed_by=kill.attributed_by,
        ordinal=kill.ordinal,
        pid=_count(log.pid) if log is not None else _count(process.pid) if process is not None else None,
        name=_text(log.name) if log is not None else _text(process.name) if process is not None else None,
        is_container_init=kill.is_container_init,
        uid=_count(log.uid) if log is not None else None,
        oom_score_adj=_adjustment(log.oom_score_adj if log is not None else process.oom_score_adj if process is not None else None),
        total_vm_bytes=_count(log.total_vm_bytes) if log is not None else None,
        anon_rss_bytes=_count(log.anon_rss_bytes) if log is not None else None,
        file_rss_bytes=_count(log.file_rss_bytes) if log is not None else None,
        shmem_rss_bytes=_count(log.shmem_rss_bytes) if log is not None else None,
        page_tables_bytes=_count(log.page_tables_bytes) if log is not None else None,
    )


def _trigger(oom: LogOom, container_id: str | None, names: Names) -> Trigger | None:
    if oom.trigger_pid is None and oom.trigger_name is None and container_id is None:
        return None
    name = names.container(container_id)
    return Trigger(
        pid=_count(oom.trigger_pid),
        name=_text(oom.trigger_name),
        pod_uid=name.pod_uid if name is not None else None,
        container_id=container_id,
        container_name=name.container_name if name is not None else None,
    )


def _task(task: LogTask) -> Task:
    return Task(
        pid=_count(task.pid) or 0,
        name=_text(task.name) or "",
        uid=_count(task.uid),
        oom_score_adj=_adjustment(task.oom_score_adj),
        rss_bytes=_count(task.rss_bytes),
        swap_bytes=_count(task.swap_bytes),
        page_tables_bytes=_count(task.page_tables_bytes),
        total_vm_bytes=_count(task.total_vm_bytes),
    )


def _log_memory(memory: LogMemory) -> KillMemory:
    return KillMemory(
        usage_bytes=_count(memory.usage_bytes),
        limit_bytes=_count(memory.limit_bytes),
        swap_bytes=_count(memory.swap_bytes),
        anon_bytes=_count(memory.anon_bytes),
        file_bytes=_count(memory.file_bytes),
        shmem_bytes=_count(memory.shmem_bytes),
        kernel_bytes=_count(memory.kernel_bytes),
        free_bytes=_count(memory.free_bytes),
    )


def sampled_memory(memory: Memory, age_seconds: float) -> KillMemory:
    """What a cgroup was charged for at the last sample before the kill."""
    return KillMemory(
        age_seconds=max(0.0, age_seconds),
        usage_bytes=memory.usage_bytes,
        limit_bytes=memory.limit_bytes,
        swap_bytes=memory.swap_bytes,
        anon_bytes=memory.anon_bytes,
        file_bytes=memory.file_bytes,
        shmem_bytes=memory.shmem_bytes,
        kernel_bytes=memory.kernel_bytes,
    )


def last_sample(row: Container, age_seconds: float) -> LastSample:
    """What a person could see of the container before the kill."""
    memory = row.memory
    return LastSample(
        age_seconds=max(0.0, age_seconds),
        usage_bytes=memory.usage_bytes,
        working_set_bytes=memory.working_set_bytes,
        unreclaimable_bytes=memory.unreclaimable_bytes,
        limit_bytes=memory.limit_bytes,
        anon_bytes=memory.anon_bytes,
        file_bytes=memory.file_bytes,
        shmem_bytes=memory.shmem_bytes,
        kernel_bytes=memory.kernel_bytes,
        refaults_per_second=row.refaults_per_second,
        floor_slope_bytes_per_second=row.floor_slope_bytes_per_second,
    )


def unix_time(seconds: float) -> float:
    return min(max(0.0, seconds), _LAST_SECOND)


def _text(value: str | None) -> str | None:
    return None if value is None else value[:_MAX_TEXT]


def _path(value: str | None) -> str | None:
    return None if value is None else value[:_MAX_PATH]


def _count(value: int | None) -> int | None:
    return value if value is not None and 0 <= value <= MOST else None


def _adjustment(value: int | None) -> int | None:
    return value if value is not None and -1000 <= value <= 1000 else None
