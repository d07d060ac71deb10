"""Which processes run in which container, what the kernel thinks of them, and which are the biggest.

A walk over /proc, since cgroup.procs reads 0 across pid namespaces. A process is asked for its cgroup in the first rounds that
meet it (a runtime starts a container's first process outside and moves it in), and then in every sixth round: the kernel gives
numbers out in turn, so one comes back much later than that.

What was read is remembered for a moment after a process has gone: when the kernel's log names a pid, its directory is no more.
"""

from __future__ import annotations

import heapq
import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from oomsight_agent.kernel.cgroup_path import container_id_of_process
from oomsight_agent.kernel.files import note_os_error, read_value
from oomsight_agent.kernel.numbers import parse_oom_score_adj
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.process import ProcessStatus, badness_points, parse_cgroup_of_process, parse_status
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_api.report import Process

BIGGEST: Final = 5
ROUNDS_BETWEEN_LOOKS: Final = 6
LOOKS_WHEN_NEW: Final = 3
MAX_READ_PER_CONTAINER: Final = 1024
"""A fork bomb must not stop the agent: of a container with more, these many lowest pids are read."""

MAX_KNOWN: Final = 8192
"""Of all containers together: 4 MiB."""
MAX_GONE: Final = 1024
GONE_KEPT_SECONDS: Final = 5.0
"""Longer than a kill takes to be told; not so long that a helper that ended by itself is taken for its victim."""


class KnownProcess(NamedTuple):
    """A process of a container as it was last read."""

    process: Process
    container_id: str
    is_container_init: bool | None
    """Whether it is the first process of its container's pid namespace. None: not known, or the container has none of its own (it
    shares the node's, or its pod's)."""


class ContainerProcesses(NamedTuple):
    """Of one container; None is unknown."""

    process_count: int | None = None
    oom_score_adj_min: int | None = None
    oom_score_adj_max: int | None = None
    biggest: tuple[Process, ...] = ()
    """Worst first by badness, at most BIGGEST."""


NO_PROCESSES: Final = ContainerProcesses()


class ProcessTable:
    """Remembers which pid is in which container between rounds."""

    def __init__(self, proc_root: str, version: int, errors: ReadErrors) -> None:
        self._proc = proc_root
        self._version = version
        self._errors = errors
        self._containers: dict[int, str | None] = {}
        self._young: dict[int, int] = {}
        self._round = 0
        self._known: dict[int, KnownProcess] = {}
        self._gone: dict[int, tuple[float, KnownProcess]] = {}
        self.known: Mapping[int, KnownProcess] = MappingProxyType({})
        """By pid, as of the last look, with those found gone within the last GONE_KEPT_SECONDS. Never changed, but replaced."""

    def look(
        self, container_ids: Collection[str], total_pages: int | None, page_size_bytes: int, now: float = 0.0
    ) -> dict[str, ContainerProcesses] | None:
        """Processes of each of `container_ids`; of one without any, a count of 0. None when /proc cannot be listed.

        `now` is monotonic.
        """
        pids = self._list_pids()
        if pids is None:
            return None
        self._place(pids)
        members: dict[str, list[int]] = defaultdict(list)
        wanted = frozenset(container_ids)
        for pid, container_id in self._containers.items():
            if container_id in wanted and container_id is not None:
                members[container_id].append(pid)
        known = {pid: row for pid, row in self._known.items() if pid in self._containers and row.container_id not in wanted}
        found = {}
        for container_id in wanted:
            pids = sorted(members.get(container_id, ()))
            rows = self._read_all(pids[:MAX_READ_PER_CONTAINER], total_pages, page_size_bytes)
            known |= _known_of(container_id, rows[: max(0, MAX_KNOWN - len(known))])
            found[container_id] = _summary([row for row, _ in rows], len(pids) - MAX_READ_PER_CONTAINER)
        self._remember(known, now)
        return found

    def gone_of(self, container_ids: Collection[str]) -> frozenset[int]:
        """Of `known`, pids in these containers that have no memory any more, now."""
        wanted = [pid for pid, row in self.known.items() if row.container_id in container_ids]
        return frozenset(pid for pid in wanted if self._status(pid) is None)

    def _remember(self, known: dict[int, KnownProcess], now: float) -> None:
        gone = {pid: told for pid, told in self._gone.items() if pid not in known and now - told[0] <= GONE_KEPT_SECONDS}
        gone |= {pid: (now, row) for pid, row in self._known.items() if pid not in known}
        self._gone = dict(list(gone.items())[-MAX_GONE:])
        self._known = known
        self.known = MappingProxyType({pid: row for pid, (_, row) in self._gone.items()} | known)

    def _list_pids(self) -> list[int] | None:
        try:
            return [int(name) for name in os.listdir(self._proc) if name.isascii() and name.isdigit() and len(name) < 10]
        except OSError as error:
            note_os_error(self._errors, FileKind.PROCESS_CGROUP, self._proc, error)
            return None

    def _place(self, pids: list[int]) -> None:
        self._round += 1
        turn = self._round % ROUNDS_BETWEEN_LOOKS
        before, young = self._containers, self._young
        self._young = {}
        self._containers = {}
        for pid in pids:
            container_id = before.get(pid)
            looks_left = young.get(pid, 0) if pid in before else LOOKS_WHEN_NEW
            if looks_left > 0 or pid % ROUNDS_BETWEEN_LOOKS == turn:
                container_id = self._container_of(pid)
            self._containers[pid] = container_id
            if looks_left > 1:
                self._young[pid] = looks_left - 1

    def _container_of(self, pid: int) -> str | None:
        def parse(data: bytes) -> str | Problem | None:
            return parse_cgroup_of_process(data, self._version)

        path = read_value(self._errors, FileKind.PROCESS_CGROUP, parse, f"{self._proc}/{pid}/cgroup")
        return None if path is None else container_id_of_process(path)

    def _read_all(self, pids: list[int], total_pages: int | None, page_size_bytes: int) -> list[tuple[Process, tuple[int, ...]]]:
        rows = [self._read(pid, total_pages, page_size_bytes) for pid in pids]
        return [row for row in rows if row is not None]

    def _read(self, pid: int, total_pages: int | None, page_size_bytes: int) -> tuple[Process, tuple[int, ...]] | None:
        """It, and its numbers in the pid namespaces."""
        status = self._status(pid)
        if status is None:
            return None
        path = f"{self._proc}/{pid}/oom_score_adj"
        oom_score_adj = read_value(self._errors, FileKind.PROCESS_OOM_SCORE_ADJ, parse_oom_score_adj, path)
        row = Process(
            pid=pid,
            name=status.name,
            oom_score_adj=oom_score_adj,
            rss_bytes=status.rss_bytes,
            swap_bytes=status.swap_bytes,
            page_tables_bytes=status.page_tables_bytes,
            badness_points=badness_points(status, oom_score_adj, total_pages, page_size_bytes),
        )
        return row, status.namespace_pids

    def _status(self, pid: int) -> ProcessStatus | None:
        """None: gone, or a zombie: nothing that could be killed."""
        status = read_value(self._errors, FileKind.PROCESS_STATUS, parse_status, f"{self._proc}/{pid}/status")
        return None if status is None or status.rss_bytes is None else status


def _summary(rows: list[Process], not_read: int) -> ContainerProcesses:
    adjustments = [row.oom_score_adj for row in rows if row.oom_score_adj is not None]
    return ContainerProcesses(
        process_count=len(rows) + max(0, not_read),
        oom_score_adj_min=min(adjustments, default=None),
        oom_score_adj_max=max(adjustments, default=None),
        biggest=tuple(rows) if len(rows) < 2 else tuple(heapq.nsmallest(BIGGEST, rows, key=_worst_first)),
    )


def _known_of(container_id: str, rows: list[tuple[Process, tuple[int, ...]]]) -> dict[int, KnownProcess]:
    """The container's first process is the number 1 of the outermost namespace below the node's that has one here."""
    firsts = [(len(numbers), row.pid) for row, numbers in rows if len(numbers) > 1 and numbers[-1] == 1]
    first = min(firsts)[1] if firsts else None
    return {row.pid: KnownProcess(row, container_id, None if first is None else row.pid == first) for row, _ in rows}


def _worst_first(row: Process) -> tuple[bool, int, int, int]:
    return (row.badness_points is None, -(row.badness_points or 0), -(row.rss_bytes or 0), row.pid)
