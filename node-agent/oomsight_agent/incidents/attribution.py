"""Whose process a victim of the log was."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from oomsight_agent.incidents.case import Kill, Place, place_of
from oomsight_agent.incidents.observation import ProcessSeen
from oomsight_agent.kernel.cgroup_path import container_id_of_process, parse_cgroup_path
from oomsight_agent.kernel.oom_log.model import LogKill, LogOom
from oomsight_api.incident import Attribution


def attribute(case_id: str, oom: LogOom, index: int, processes: Mapping[int, ProcessSeen]) -> Kill:
    """The kill `oom.kills[index]`, with its place as far as log and pid cache tell; else it waits for the counters."""
    log = oom.kills[index]
    seen = seen_process(log, processes)
    place = _place_in_log(oom, index)
    if place is not None:
        fits = seen is not None and seen.container_id == place.container_id
        return Kill(case_id, place, Attribution.KERNEL_LOG, log=log, process=seen if fits else None)
    if seen is not None and seen.container_id is not None:
        return Kill(case_id, Place(container_id=seen.container_id), Attribution.PID_CACHE, log=log, process=seen)
    return Kill(case_id, log=log, waits=True)


def seen_process(log: LogKill, processes: Mapping[int, ProcessSeen]) -> ProcessSeen | None:
    """What the pid cache knows of a victim. Numbers are given out again, so the name must be the same."""
    seen = processes.get(log.pid)
    return seen if seen is not None and seen.name == log.name else None


def _place_in_log(oom: LogOom, index: int) -> Place | None:
    """`task_memcg` is the first victim's; of a group, all are in the group's cgroup, and in its container when it has one."""
    if index == 0 and oom.task_cgroup is not None:
        return place_of(oom.task_cgroup)
    if oom.group_cgroup is None:
        return None
    identity = parse_cgroup_path(oom.group_cgroup)
    if identity is not None and identity.container_id is not None:
        return place_of(oom.group_cgroup)
    return None


def trigger_container(oom: LogOom, processes: Mapping[int, ProcessSeen]) -> str | None:
    """Container id of the process whose allocation failed."""
    if oom.trigger_cpuset is not None:
        found = container_id_of_process(f"/../{oom.trigger_cpuset.strip('/').rpartition('/')[2]}")
        identity = parse_cgroup_path(oom.trigger_cpuset)
        found = identity.container_id if identity is not None and identity.container_id is not None else found
        if found is not None:
            return found
    if oom.trigger_pid is None or oom.trigger_name is None:
        return None
    seen = processes.get(oom.trigger_pid)
    return seen.container_id if seen is not None and seen.name == oom.trigger_name else None


def by_container(processes: Mapping[int, ProcessSeen]) -> dict[str, list[ProcessSeen]]:
    """All seen processes of each container."""
    found: dict[str, list[ProcessSeen]] = {}
    for seen in processes.values():
        if seen.container_id is not None:
            found.setdefault(seen.container_id, []).append(seen)
    return found


def worst_gone(processes: Iterable[ProcessSeen], gone: frozenset[int] | None, named: Container[int]) -> list[ProcessSeen]:
    """A container's seen processes that are gone, worst by badness first, without those whose kill is known by name.

    `gone` None: all of them.
    """
    found = [seen for seen in processes if seen.pid not in named and (gone is None or seen.pid in gone)]
    return sorted(found, key=lambda seen: (seen.badness_points is None, -(seen.badness_points or 0), seen.pid))
