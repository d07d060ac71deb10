"""The sampler: one full node report for each call, from what changed since the last.

Order of a sample: the node, new and vanished cgroups, names, processes, then the cgroups from the inside out, so that kills
counted in a nested cgroup reach its container and pod in the same report; last what stands above and beside the pods.
"""

from __future__ import annotations

import resource
from collections.abc import Collection, Mapping
from typing import Final

from oomsight_agent.kernel.cgroup_view import cgroup_view
from oomsight_agent.kernel.container_logs import ContainerNames, directory_signature, read_container_names
from oomsight_agent.kernel.discovery import Discovery
from oomsight_agent.kernel.memory_files import MemoryFiles
from oomsight_agent.kernel.memory_v1 import MEMORY_V1
from oomsight_agent.kernel.memory_v2 import MEMORY_V2
from oomsight_agent.kernel.oom_notify import OomNotify
from oomsight_agent.kernel.oom_notify_v1 import OomControlNotify
from oomsight_agent.kernel.oom_notify_v2 import EventsNotify
from oomsight_agent.kernel.population import has_processes
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.kernel.roots import Hierarchy, Roots, find_memory_hierarchy
from oomsight_agent.kernel.sysctl import read_boot_id, read_kernel_release
from oomsight_agent.sampler.above_pods import read_above_pods
from oomsight_agent.sampler.all_cgroups import CgroupRow, read_all_cgroups
from oomsight_agent.sampler.node import NodeTrack
from oomsight_agent.sampler.oom_groups import read_oom_groups
from oomsight_agent.sampler.processes import KnownProcess, ProcessTable
from oomsight_agent.sampler.tracks import Tracks
from oomsight_api.report import Cgroup, NodeReport

DESCRIPTORS_FOR_OTHERS: Final = 256
"""Left for the server's connections and for files that are opened for a moment."""
MOST_DESCRIPTORS: Final = 32_768

_HOT_KINDS: Final = frozenset(
    (FileKind.MEMORY_USAGE, FileKind.MEMORY_PEAK, FileKind.MEMORY_EVENTS, FileKind.MEMINFO, FileKind.VMSTAT)
)
_STAT_KINDS: Final = frozenset(FileKind) - _HOT_KINDS


class Sampler:
    """Reads one node. Not thread-safe: one thread samples; `read_errors` may be read from others."""

    def __init__(
        self,
        roots: Roots,
        node_name: str,
        *,
        interval_seconds: float = 1.0,
        stat_interval_seconds: float = 10.0,
        notify: bool = False,
    ) -> None:
        """`interval_seconds` is what the caller means to keep between calls of `sample`; it is told in the report.

        With `notify` the kernel is asked to tell of OOMs: see `oom_notify`.
        """
        self._notify = notify
        self.oom_notify: OomNotify | None = None
        """There from the first sample on that finds the hierarchy."""
        self.read_errors = ReadErrors()
        self._roots = roots
        self._node_name = node_name
        self._interval = interval_seconds
        self._stat_interval = stat_interval_seconds
        self._next_stat = float("-inf")
        self._node = NodeTrack(roots.proc_root, self.read_errors)
        self._boot_id = read_boot_id(roots.proc_root, self.read_errors)
        self._kernel_release = read_kernel_release(roots.proc_root, self.read_errors)
        self._descriptor_budget = raise_descriptor_limit() - DESCRIPTORS_FOR_OTHERS
        self._hierarchy: Hierarchy | None = None
        self._discovery: Discovery | None = None
        self._tracks: Tracks | None = None
        self._processes: ProcessTable | None = None
        self._above_pods: tuple[tuple[str, Cgroup], ...] = ()
        self._oom_groups: tuple[str, ...] = ()
        self._names = ContainerNames()
        self._names_signature: tuple[int, int] | None = None

    def sample(self, now_seconds: float, monotonic_seconds: float) -> NodeReport:
        """The whole node as it is now. `now_seconds` is Unix time. Never raises for anything that a file may hold."""
        stat_due = monotonic_seconds >= self._next_stat
        if stat_due:
            self._next_stat = monotonic_seconds + self._stat_interval
        node_memory = self._node.sample(settings=stat_due, now=monotonic_seconds)
        if self._hierarchy is None and stat_due:
            self._find_hierarchy()
        if self._tracks is not None:
            self._sample_cgroups(self._tracks, monotonic_seconds, stat_due=stat_due)
        self.read_errors.settle(_HOT_KINDS | _STAT_KINDS if stat_due else _HOT_KINDS)
        return NodeReport(
            node=self._node_name,
            instance="",
            cursor="",
            full=True,
            time_seconds=now_seconds,
            interval_seconds=self._interval,
            boot_id=self._boot_id,
            kernel_release=self._kernel_release,
            cgroup_version=self._hierarchy.version if self._hierarchy else None,
            node_memory=node_memory,
            containers=self._tracks.container_rows() if self._tracks else (),
            pods=self._tracks.pod_rows() if self._tracks else (),
            cgroups=tuple([row for _, row in self._above_pods]),
            host_processes=self._processes.outside if self._processes else None,
            oom_groups=self._oom_groups,
            read_errors=self.read_errors.total,
        )

    def sample_all_cgroups(self) -> tuple[CgroupRow, ...]:
        """A row for every memory cgroup, sorted by path; empty where no memory controller is mounted."""
        hierarchy = self._hierarchy or find_memory_hierarchy(self._roots.cgroup_root)
        if hierarchy is None:
            return ()
        self._node.sample(settings=True)
        return read_all_cgroups(hierarchy, _files_of(hierarchy), self._roots.proc_root, self._node.swap(), self.read_errors)

    @property
    def page_size_bytes(self) -> int:
        return self._node.page_size_bytes

    @property
    def processes(self) -> Mapping[int, KnownProcess]:
        """By pid, as of the last look at /proc, with those just found gone. Never changed, but replaced."""
        return self._processes.known if self._processes is not None else {}

    @property
    def boot_id(self) -> str | None:
        return self._boot_id

    def gone_pids(self, container_ids: Collection[str]) -> frozenset[int]:
        """Of `processes`, those in these containers that are gone now, or dead and not yet reaped."""
        return self._processes.gone_of(container_ids) if self._processes is not None else frozenset()

    def has_processes(self, container_id: str) -> bool | None:
        """Whether a container still has any, now; False when it has no cgroup any more, None when nobody can say.

        Where the cgroup does not tell (v1, across pid namespaces), /proc does.
        """
        directory = self._tracks.directory_of(container_id) if self._tracks is not None else None
        if directory is None or self._hierarchy is None:
            return False
        found = has_processes(self._hierarchy.version, directory)
        return self._processes.has_living(container_id) if found is None and self._processes is not None else found

    def close(self) -> None:
        """Close every descriptor. The sampler is of no use afterwards."""
        if self.oom_notify is not None:
            self.oom_notify.close()
        self._node.close()
        if self._tracks is not None:
            self._tracks.close()

    def _find_hierarchy(self) -> None:
        hierarchy = find_memory_hierarchy(self._roots.cgroup_root)
        if hierarchy is None:
            return
        self._hierarchy = hierarchy
        self._discovery = Discovery(hierarchy.path, self.read_errors, into_containers=hierarchy.version == 1)
        self._tracks = Tracks(hierarchy.path, _files_of(hierarchy), self.read_errors, self._descriptor_budget, watched=self._notify)
        self._processes = ProcessTable(self._roots.proc_root, hierarchy.version, self.read_errors)
        self._processes.places.view = cgroup_view(hierarchy.path)
        if self._notify:
            self.oom_notify = OomControlNotify() if hierarchy.version == 1 else EventsNotify()

    def _sample_cgroups(self, tracks: Tracks, now: float, *, stat_due: bool) -> None:
        assert self._hierarchy is not None
        assert self._discovery is not None
        assert self._processes is not None
        fresh = False
        if self._discovery.round(everything=stat_due, touched=tracks.touched_pods()):
            fresh = tracks.reconcile(self._discovery.found())
            if self.oom_notify is not None:
                self.oom_notify.follow(tracks.kill_counters())
        if stat_due or fresh:
            places = self._processes.places
            places.view = places.view.find_own(self._hierarchy.path, tracks.container_charges())
        self._name_containers(tracks, read_anyway=stat_due or fresh)
        self._look_at_processes(tracks, self._processes, now, stat_due=stat_due)
        for path in tracks.sample(now, self._stat_interval, self._node.swap()):
            self._discovery.forget(path)
        if stat_due:
            self._look_around(tracks, self._processes)

    def _look_at_processes(self, tracks: Tracks, processes: ProcessTable, now: float, *, stat_due: bool) -> None:
        total_pages, page_size_bytes = self._node.total_pages(), self._node.page_size_bytes
        wanted = tracks.containers_to_look_into(stat_due=stat_due)
        outside = stat_due and processes.wants_look_outside(now, scarce=self._node.is_scarce())
        if not wanted and not outside:
            return
        found = processes.look(wanted, total_pages, page_size_bytes, now)
        if found is not None:
            tracks.set_processes(found)
            if outside:
                processes.look_outside(total_pages, page_size_bytes, now)

    def _look_around(self, tracks: Tracks, processes: ProcessTable) -> None:
        """The cgroups above the pods, and those without a row in which all die together."""
        assert self._hierarchy is not None
        base, files, swap = self._hierarchy.path, _files_of(self._hierarchy), self._node.swap()
        pods, charges = tracks.pod_paths(), tracks.container_charges()
        self._above_pods = read_above_pods(base, files, self.read_errors, swap, pods, charges)
        if self._hierarchy.version == 2:
            rows = [row for container in tracks.container_rows() for row in container.processes if row.cgroup is not None]
            paths = [processes.places.path_of(row.pid) for row in (*rows, *(processes.outside or ()))]
            with_row = {*pods, *charges, *(path for path, _ in self._above_pods)}
            self._oom_groups = read_oom_groups(base, [path for path in paths if path], with_row, self.read_errors)

    def _name_containers(self, tracks: Tracks, *, read_anyway: bool) -> None:
        if not read_anyway and not tracks.has_unnamed():
            return
        signature = directory_signature(self._roots.container_log_dir)
        if read_anyway or signature != self._names_signature:
            self._names_signature = signature
            self._names = read_container_names(self._roots.container_log_dir, self.read_errors)
            tracks.set_names(self._names)


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files as far as it may go; the number of files that may be open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
        except (OSError, ValueError):
            return soft
    return wanted


def _files_of(hierarchy: Hierarchy) -> MemoryFiles:
    return MEMORY_V1 if hierarchy.version == 1 else MEMORY_V2
