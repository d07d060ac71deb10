"""All tracks of a node: made when a cgroup is found, closed when it is gone, each container and pod once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from oomsight_agent.kernel.accounting import Charges, NodeSwap, swap_below
from oomsight_agent.kernel.container_logs import ContainerName, ContainerNames
from oomsight_agent.kernel.discovery import FoundCgroup
from oomsight_agent.kernel.memory_files import MemoryFiles
from oomsight_agent.kernel.read_errors import ReadErrors
from oomsight_agent.sampler.cgroup_track import CgroupTrack
from oomsight_agent.sampler.container_track import ContainerTrack, PodTrack
from oomsight_agent.sampler.hot_files import CgroupGone
from oomsight_agent.sampler.nested_kills import NestedKills
from oomsight_agent.sampler.processes import ContainerProcesses
from oomsight_api.report import Container, Pod

_SPREAD: Final = 10
"""Stat reads of neighbours fall into this many different samples."""


class Tracks:
    """Keeps the tracks by path. Rows come sorted by path."""

    def __init__(
        self, hierarchy_path: str, files: MemoryFiles, errors: ReadErrors, descriptor_budget: int, *, watched: bool = False
    ) -> None:
        """`watched`: each cgroup of `kill_counters` takes one more descriptor, the caller's."""
        self._watched = watched
        self._base = hierarchy_path
        self._files = files
        self._errors = errors
        self._budget = descriptor_budget
        self._pods: dict[str, PodTrack] = {}
        self._containers: dict[str, ContainerTrack] = {}
        self._nested: dict[str, NestedKills] = {}
        self._made = 0
        self._began = False

    def reconcile(self, found: Iterable[FoundCgroup]) -> bool:
        """Follow what discovery found; True when there are new containers."""
        pods, containers, nested = _choose(found)
        self._drop(pods, containers, nested)
        for path, cgroup in pods.items():
            if path not in self._pods:
                self._pods[path] = PodTrack(cgroup, self._track(cgroup), counts_below=self._files.version == 1)
        by_uid = {pod.found.identity.pod_uid: pod for pod in self._pods.values()}
        fresh = False
        for path, cgroup in containers.items():
            if path not in self._containers:
                pod = by_uid.get(cgroup.identity.pod_uid)
                self._containers[path] = ContainerTrack(cgroup, self._track(cgroup), pod, born=self._began)
                fresh = True
        by_id = {track.row.container_id: track for track in self._containers.values()}
        for path, cgroup in nested.items():
            container = by_id.get(cgroup.identity.container_id or "")
            if path not in self._nested and container is not None and self._descriptors() < self._budget:
                self._nested[path] = NestedKills(cgroup, f"{self._base}{path}", self._errors, container)
        self._pods = dict(sorted(self._pods.items()))
        self._containers = dict(sorted(self._containers.items()))
        self._began = True
        return fresh

    def sample(self, now: float, stat_interval: float, node: NodeSwap) -> list[str]:
        """Bring every row up to date, from the inside out. Paths of cgroups that turned out to be gone."""
        gone: list[str] = []
        for path, nested in self._nested.items():
            try:
                nested.sample()
            except CgroupGone:
                gone.append(path)
        for path, container in self._containers.items():
            try:
                container.sample(now, stat_interval, node)
            except CgroupGone:
                gone.append(path)
        inside: dict[str, list[Charges]] = {}
        if node.free_bytes:
            for container in self._containers.values():
                inside.setdefault(container.row.pod_uid, []).append(container.track.charges)
        for path, pod in self._pods.items():
            try:
                pod.sample(now, stat_interval, swap_below(inside.get(pod.row.pod_uid, ()), node))
            except CgroupGone:
                gone.append(path)
        for path in gone:
            self._close(path)
        return gone

    def container_rows(self) -> tuple[Container, ...]:
        return tuple([track.row for track in self._containers.values()])

    def pod_rows(self) -> tuple[Pod, ...]:
        return tuple([track.row for track in self._pods.values()])

    def pod_paths(self) -> tuple[str, ...]:
        """Cgroups of the pods, below the root of the hierarchy."""
        return tuple(self._pods)

    def container_charges(self) -> dict[str, Charges]:
        """What each container's cgroup is charged for, by path."""
        return {path: track.track.charges for path, track in self._containers.items()}

    def kill_counters(self) -> dict[str, int]:
        """Directories of the cgroups whose counters together show every kill in a pod, with their inode numbers.

        v2: the pods, whose counters are hierarchical. v1: the containers, and what is nested inside them.
        """
        tracks = (self._pods,) if self._files.version == 2 else (self._containers, self._nested)
        founds = [track.found for table in tracks for track in table.values()]
        room = max(0, self._budget - self._descriptors() + len(founds))
        return {f"{self._base}{found.path}": found.inode for found in founds[:room]}

    def directory_of(self, container_id: str) -> str | None:
        """The container's directory; None when it has no cgroup here."""
        for path, track in self._containers.items():
            if track.row.container_id == container_id:
                return f"{self._base}{path}"
        return None

    def touched_pods(self) -> frozenset[str]:
        """Paths of pods in which something changed at the last sample."""
        return frozenset([path for path, track in self._pods.items() if track.touched])

    def containers_to_look_into(self, *, stat_due: bool) -> list[str]:
        """Ids of the containers whose processes are due."""
        wanted = []
        for track in self._containers.values():
            if track.wants_look(stat_due=stat_due):
                wanted.append(track.row.container_id)
            elif stat_due:
                track.skip_look()
        return wanted

    def has_unnamed(self) -> bool:
        """Some container's pod is not known by name: its link may come later than its cgroup."""
        return any(track.row.pod_name is None for track in self._containers.values())

    def set_processes(self, found: Mapping[str, ContainerProcesses]) -> None:
        for track in self._containers.values():
            processes = found.get(track.row.container_id)
            if processes is not None:
                track.set_processes(processes)

    def set_names(self, names: ContainerNames) -> None:
        """Name each container; one without a link (the sandbox) gets its pod's name from its neighbours."""
        found = {path: names.find(track.row.pod_uid, track.row.container_id) for path, track in self._containers.items()}
        pods = {self._containers[path].row.pod_uid: name for path, name in found.items() if name is not None}
        for path, track in self._containers.items():
            name = found[path]
            neighbour = pods.get(track.row.pod_uid)
            if name is None and neighbour is not None:
                name = ContainerName(neighbour.pod_name, neighbour.namespace, "")
            track.set_name(name)

    def close(self) -> None:
        for path in [*self._nested, *self._containers, *self._pods]:
            self._close(path)

    def _track(self, cgroup: FoundCgroup) -> CgroupTrack:
        self._made += 1
        return CgroupTrack(
            self._files,
            f"{self._base}{cgroup.path}",
            self._errors,
            cache=self._descriptors() < self._budget,
            born=self._began,
            first_stat_fraction=0.5 + 0.5 * (self._made % _SPREAD + 1) / _SPREAD,
        )

    def _descriptors(self) -> int:
        each = len(self._files.hot_files) + 1  # and the directory
        watched = len(self._pods) if self._files.version == 2 else len(self._containers) + len(self._nested)
        return (len(self._pods) + len(self._containers) + 1) * each + len(self._nested) + (watched if self._watched else 0)

    def _drop(self, *wanted: Mapping[str, FoundCgroup]) -> None:
        """Close what is no longer there, or has become another cgroup of the same name."""
        inodes = {path: cgroup.inode for cgroups in wanted for path, cgroup in cgroups.items()}
        tracks: list[PodTrack | ContainerTrack | NestedKills]
        tracks = [*self._pods.values(), *self._containers.values(), *self._nested.values()]
        for found in [track.found for track in tracks]:
            if inodes.get(found.path) != found.inode:
                self._close(found.path)

    def _close(self, path: str) -> None:
        pod = self._pods.pop(path, None)
        container = self._containers.pop(path, None)
        nested = self._nested.pop(path, None)
        if pod is not None:
            pod.track.close()
        if container is not None:
            container.track.close()
        if nested is not None:
            nested.close()


def _choose(
    found: Iterable[FoundCgroup],
) -> tuple[dict[str, FoundCgroup], dict[str, FoundCgroup], dict[str, FoundCgroup]]:
    """Pods, containers and nested cgroups by path; each pod uid and container id once.

    After a change of the cgroup driver an empty tree with the same pods may be left: one that holds containers goes first.
    """
    every = sorted(found, key=lambda cgroup: cgroup.path)
    containers: dict[str, FoundCgroup] = {}
    seen: set[str] = set()
    nested: dict[str, FoundCgroup] = {}
    for cgroup in every:
        container_id = cgroup.identity.container_id
        if container_id is None:
            continue
        if cgroup.identity.nested:
            nested[cgroup.path] = cgroup
        elif container_id not in seen:
            seen.add(container_id)
            containers[cgroup.path] = cgroup
    occupied = {path.rpartition("/")[0] for path in containers}
    pods: dict[str, FoundCgroup] = {}
    uids: set[str] = set()
    for cgroup in sorted(every, key=lambda cgroup: (cgroup.path not in occupied, cgroup.path)):
        if cgroup.identity.container_id is None and cgroup.identity.pod_uid not in uids:
            uids.add(cgroup.identity.pod_uid)
            pods[cgroup.path] = cgroup
    return pods, containers, nested
