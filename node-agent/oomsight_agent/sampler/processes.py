"""What the kernel thinks of each container's processes, and of those in no container, and which of them may die first.

What was read of a container's process is remembered for a moment after it has gone: when the kernel's log names a pid, its
directory is no more.

Processes in no container are many and seldom matter, so they are looked at once a minute only, until memory is scarce.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec.structs import replace

from oomsight_agent.kernel.files import read_value
from oomsight_agent.kernel.numbers import parse_oom_score_adj
from oomsight_agent.kernel.problem import printable_text
from oomsight_agent.kernel.process import ProcessStatus, badness_points, parse_resident_pages, parse_status
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.sampler.candidates import who_may_die_first
from oomsight_agent.sampler.places import Places
from oomsight_api.report import Process

MAX_READ_PER_CONTAINER: Final = 1024
"""A fork bomb must not stop the agent: of a container with more, these many lowest pids are read."""

MAX_READ_OUTSIDE: Final = 4096
"""The same of the processes in no container: a tenth of a second."""

SECONDS_BETWEEN_LOOKS_OUTSIDE: Final = 60.0

MAX_CGROUP_LENGTH: Final = 1024
"""Kubernetes in Docker in a container takes 500 characters; what a tenant makes longer is told by the ancestor that fits."""

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
    """Those who may die first (`candidates.py`), worst on the node first."""


NO_PROCESSES: Final = ContainerProcesses()


class ProcessTable:
    """Remembers which pid is in which container between rounds."""

    def __init__(self, proc_root: str, version: int, errors: ReadErrors) -> None:
        self._proc = proc_root
        self._errors = errors
        self.places = Places(proc_root, version, errors)
        self._known: dict[int, KnownProcess] = {}
        self._gone: dict[int, tuple[float, KnownProcess]] = {}
        self.known: Mapping[int, KnownProcess] = MappingProxyType({})
        """By pid, as of the last look, with those found gone within the last GONE_KEPT_SECONDS. Never changed, but replaced."""
        self.outside: tuple[Process, ...] | None = None
        """Those in no container who may die first, worst on the node first. None: not looked yet."""
        self._next_outside = float("-inf")

    def look(
        self, container_ids: Collection[str], total_pages: int | None, page_size_bytes: int, now: float = 0.0
    ) -> dict[str, ContainerProcesses] | None:
        """Processes of each of `container_ids`; of one without any, a count of 0. None when /proc cannot be listed.

        `now` is monotonic.
        """
        if not self.places.look():
            return None
        wanted = frozenset(container_ids)
        members = self.places.in_containers(wanted)
        known = {pid: row for pid, row in self._known.items() if pid in self.places and row.container_id not in wanted}
        found = {}
        for container_id in wanted:
            pids = sorted(members.get(container_id, ()))
            rows = self._read_all(pids[:MAX_READ_PER_CONTAINER], total_pages, page_size_bytes)
            known |= _known_of(container_id, rows[: max(0, MAX_KNOWN - len(known))])
            found[container_id] = self._summary([row for row, _ in rows], len(pids) - MAX_READ_PER_CONTAINER, page_size_bytes)
        self._remember(known, now)
        if self.outside is not None:
            self.outside = tuple([row for row in self.outside if self.places.is_outside(row.pid)])
        return found

    def wants_look_outside(self, now: float, *, scarce: bool) -> bool:
        """Whether the processes in no container are due: each minute, and at once where memory is scarce."""
        return scarce or now >= self._next_outside

    def look_outside(self, total_pages: int | None, page_size_bytes: int, now: float) -> None:
        """Read the processes that the last `look` found in no container. `now` is monotonic."""
        self._next_outside = now + SECONDS_BETWEEN_LOOKS_OUTSIDE
        rows = []
        for pid in sorted(self.places.outside())[:MAX_READ_OUTSIDE]:
            status = self._read_status(pid)
            if status is None:
                continue
            if status.rss_bytes is not None:
                rows.append(self._row(pid, status, total_pages, page_size_bytes))
            elif not status.dead:
                self.places.note_kernel_thread(pid)
        self.outside = self._with_cgroups(who_may_die_first(rows, page_size_bytes))

    def gone_of(self, container_ids: Collection[str]) -> frozenset[int]:
        """Of `known`, pids in these containers that have no memory any more, now."""
        wanted = [pid for pid, row in self.known.items() if row.container_id in container_ids]
        return frozenset(pid for pid in wanted if self._status(pid) is None)

    def has_living(self, container_id: str) -> bool | None:
        """Whether a process of the container has memory, now. None: /proc cannot be listed, or nobody was ever seen in it (one may
        live and die between two samples) and /proc may hide some."""
        seen = any(row.container_id == container_id for row in self.known.values())
        if not self.places.look(between_rounds=True) or not (seen or self.places.is_whole):
            return None
        return any(self._status(pid) is not None for pid in self.places.in_containers({container_id}).get(container_id, ()))

    def _remember(self, known: dict[int, KnownProcess], now: float) -> None:
        gone = {pid: told for pid, told in self._gone.items() if pid not in known and now - told[0] <= GONE_KEPT_SECONDS}
        gone |= {pid: (now, row) for pid, row in self._known.items() if pid not in known}
        self._gone = dict(list(gone.items())[-MAX_GONE:])
        self._known = known
        self.known = MappingProxyType({pid: row for pid, (_, row) in self._gone.items()} | known)

    def _read_all(self, pids: list[int], total_pages: int | None, page_size_bytes: int) -> list[tuple[Process, tuple[int, ...]]]:
        """Each, and its numbers in the pid namespaces."""
        rows = []
        for pid in pids:
            status = self._status(pid)
            if status is not None:
                rows.append((self._row(pid, status, total_pages, page_size_bytes), status.namespace_pids))
        return rows

    def _row(self, pid: int, status: ProcessStatus, total_pages: int | None, page_size_bytes: int) -> Process:
        path = f"{self._proc}/{pid}/oom_score_adj"
        oom_score_adj = read_value(self._errors, FileKind.PROCESS_OOM_SCORE_ADJ, parse_oom_score_adj, path)
        resident = read_value(self._errors, FileKind.PROCESS_STAT, parse_resident_pages, f"{self._proc}/{pid}/stat")
        if resident is not None:
            status = dataclasses.replace(status, rss_bytes=resident * page_size_bytes)
        return Process(
            pid=pid,
            name=status.name,
            oom_score_adj=oom_score_adj,
            rss_bytes=status.rss_bytes,
            file_bytes=status.file_bytes,
            swap_bytes=status.swap_bytes,
            page_tables_bytes=status.page_tables_bytes,
            badness_points=badness_points(status, oom_score_adj, total_pages, page_size_bytes),
        )

    def _read_status(self, pid: int) -> ProcessStatus | None:
        return read_value(self._errors, FileKind.PROCESS_STATUS, parse_status, f"{self._proc}/{pid}/status")

    def _status(self, pid: int) -> ProcessStatus | None:
        """None: gone, or a zombie: nothing that could be killed."""
        status = self._read_status(pid)
        return None if status is None or status.rss_bytes is None else status

    def _summary(self, rows: list[Process], not_read: int, page_size_bytes: int) -> ContainerProcesses:
        adjustments = [row.oom_score_adj for row in rows if row.oom_score_adj is not None]
        return ContainerProcesses(
            process_count=len(rows) + max(0, not_read),
            oom_score_adj_min=min(adjustments, default=None),
            oom_score_adj_max=max(adjustments, default=None),
            biggest=self._with_cgroups(who_may_die_first(rows, page_size_bytes)),
        )

    def _with_cgroups(self, rows: tuple[Process, ...]) -> tuple[Process, ...]:
        """The same with their cgroups, where `places` says one."""
        paths = [self.places.path_of(row.pid) for row in rows]
        if not any(paths):
            return rows
        return tuple(
            [row if path is None else replace(row, cgroup=printable_cgroup(path)) for row, path in zip(rows, paths, strict=True)]
        )


def printable_cgroup(path: str) -> str:
    """The path in printable ASCII, of at most MAX_CGROUP_LENGTH: else its nearest ancestor that is no longer."""
    text = printable_text(path)
    while len(text) > MAX_CGROUP_LENGTH:
        text = text[: MAX_CGROUP_LENGTH + 1].rpartition("/")[0]
    return text or "/"


def _known_of(container_id: str, rows: list[tuple[Process, tuple[int, ...]]]) -> dict[int, KnownProcess]:
    """The container's first process is the number 1 of the outermost namespace below the node's that has one here."""
    firsts = [(len(numbers), row.pid) for row, numbers in rows if len(numbers) > 1 and numbers[-1] == 1]
    first = min(firsts)[1] if firsts else None
    return {row.pid: KnownProcess(row, container_id, None if first is None else row.pid == first) for row, _ in rows}
