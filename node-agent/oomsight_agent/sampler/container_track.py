"""Containers and pods from sample to sample: a track of the cgroup, and the row of the report that it gives."""

from __future__ import annotations

from typing import Final

from msgspec import structs

from oomsight_agent.kernel.accounting import NodeSwap
from oomsight_agent.kernel.container_logs import ContainerName
from oomsight_agent.kernel.discovery import FoundCgroup
from oomsight_agent.kernel.problem import printable_text
from oomsight_agent.kernel.psi import parse_pressure
from oomsight_agent.kernel.read_errors import FileKind
from oomsight_agent.sampler.cgroup_track import CgroupTrack, Change
from oomsight_agent.sampler.processes import NO_PROCESSES, ContainerProcesses
from oomsight_api.report import Container, Pod, Pressure

LOOKS_WHEN_QUIET: Final = 6
LOOKS_FOR_FIRST_PROCESS: Final = 5
LOOKS_WHEN_YOUNG: Final = 3
"""A container that was just started soon runs other processes than its first look found."""


class PodTrack:
    """A pod's own cgroup."""

    __slots__ = ("_kills_below", "_kills_counted_below", "found", "row", "touched", "track")

    def __init__(self, found: FoundCgroup, track: CgroupTrack, *, counts_below: bool) -> None:
        """`counts_below`: the kernel does not add descendants' kills up (v1), so `add_kills` does."""
        self.found = found
        self.track = track
        self._kills_below: int | None = 0 if counts_below else None
        self._kills_counted_below: int | None = None
        self.touched = True
        """Something changed at the last sample: a container may have come."""
        self.row = Pod(pod_uid=found.identity.pod_uid, cgroup=printable_text(found.path))

    def add_kills(self, kills: int) -> None:
        """Kills seen below; they stay counted when the cgroup they were counted in is gone, as on v2."""
        if self._kills_below is not None:
            self._kills_below += kills

    def sample(self, now: float, stat_interval: float, node: NodeSwap) -> None:
        """Bring `row` up to date. Raises CgroupGone."""
        change = self.track.sample(now, stat_interval, node)
        self.touched = change is not Change.NOTHING
        if self._kills_below == self._kills_counted_below and change is not Change.ANYTHING:
            if change is Change.USAGE:
                self.row = structs.replace(self.row, memory=self.track.memory)
            return
        self._kills_counted_below = self._kills_below
        counters = self.track.counters
        own = counters.oom_kills
        self.row = Pod(
            pod_uid=self.row.pod_uid,
            cgroup=self.row.cgroup,
            memory=self.track.memory,
            limit_hits=self.track.limit_hits(),
            oom_kills=own if own is None else own + (self._kills_below or 0),
            limit_ooms=self.track.limit_ooms,
            oom_group=self.track.charges.oom_group,
        )


class ContainerTrack:
    """A container's cgroup, with the cgroups nested inside it (v1, whose kills are counted where the victim was)."""

    __slots__ = (
        "_dirty",
        "_kills_nested",
        "_kills_told",
        "_looks",
        "_name",
        "_pressure",
        "_processes",
        "_stat_reads",
        "_young_looks",
        "found",
        "pod",
        "row",
        "track",
    )

    def __init__(self, found: FoundCgroup, track: CgroupTrack, pod: PodTrack | None, *, born: bool = False) -> None:
        """`born`: the container was started after the last sample."""
        self._young_looks = LOOKS_WHEN_YOUNG if born else 0
        self.found = found
        self.track = track
        self.pod = pod
        self._kills_nested = 0
        self._kills_told = 0
        self._name: ContainerName | None = None
        self._processes: ContainerProcesses = NO_PROCESSES
        self._pressure: Pressure | None = None
        self._stat_reads = 0
        self._looks = 0
        self._dirty = True
        container_id = found.identity.container_id
        assert container_id is not None
        self.row = Container(pod_uid=found.identity.pod_uid, container_id=container_id, cgroup=printable_text(found.path))

    def add_kills(self, kills: int) -> None:
        """Kills seen in a nested cgroup."""
        self._kills_nested += kills
        self._dirty = True

    def set_name(self, name: ContainerName | None) -> None:
        """Names as the node's log links tell them."""
        if name != self._name:
            self._name = name
            self._dirty = True

    def set_processes(self, processes: ContainerProcesses) -> None:
        """What the last look at /proc told."""
        self._looks += 1
        if processes.process_count:
            self._young_looks = max(0, self._young_looks - 1)
        self.track.stirred = False
        if processes != self._processes:
            self._processes = processes
            self._dirty = True

    def sample(self, now: float, stat_interval: float, node: NodeSwap) -> None:
        """Bring `row` up to date. Raises CgroupGone."""
        track = self.track
        change = track.sample(now, stat_interval, node)
        if not self._dirty and change is not Change.ANYTHING:
            if change is Change.USAGE:
                self.row = structs.replace(self.row, memory=track.memory)
            return
        if track.stat_reads != self._stat_reads:
            self._stat_reads = track.stat_reads
            if track.version == 2:
                self._pressure = track.read_file(FileKind.PRESSURE, "memory.pressure", parse_pressure)
        self.build()

    def build(self) -> None:
        """Make `row` from what is known now."""
        track, counters, name, processes, row = self.track, self.track.counters, self._name, self._processes, self.row
        kills = None if counters.oom_kills is None else counters.oom_kills + self._kills_nested
        if self.pod is not None and kills is not None and kills > self._kills_told:
            self.pod.add_kills(kills - self._kills_told)
            self._kills_told = kills
        self._dirty = False
        self.row = Container(
            pod_uid=row.pod_uid,
            container_id=row.container_id,
            cgroup=row.cgroup,
            pod_name=name.pod_name if name else None,
            namespace=name.namespace if name else None,
            container_name=(name.container_name or None) if name else None,
            memory=track.memory,
            pressure=self._pressure,
            refaults_per_second=track.file_refaults_per_second,
            anon_refaults_per_second=track.anon_refaults_per_second,
            major_faults_per_second=track.major_faults_per_second,
            limit_hits=track.limit_hits(),
            high_hits=counters.high_hits,
            oom_kills=kills,
            limit_ooms=track.limit_ooms,
            oom_group=track.charges.oom_group,
            oom_score_adj_min=processes.oom_score_adj_min,
            oom_score_adj_max=processes.oom_score_adj_max,
            process_count=processes.process_count,
            processes=processes.biggest,
            floor_bytes=track.memory.unreclaimable_bytes,
            floor_slope_bytes_per_second=track.floor.slope_bytes_per_second(),
        )

    def wants_look(self, *, stat_due: bool) -> bool:
        """Whether its processes should be looked at now.

        Where nothing was charged or given back no process came, went or grew: then every sixth time will do. A new container is
        looked at in every sample until its first process is in it, for a while.
        """
        if not stat_due:
            if self._processes.process_count:
                return self._young_looks > 0 and self.track.stirred
            return self._looks < LOOKS_FOR_FIRST_PROCESS
        return self.track.stirred or self._looks % LOOKS_WHEN_QUIET == 0

    def skip_look(self) -> None:
        """A look that left this container out."""
        self._looks += 1
