"""One OOM while the agent still learns about it: mutable, and turned into an `Incident` at each telling (`build.py`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from oomsight_agent.incidents.observation import ProcessSeen
from oomsight_agent.kernel.cgroup_path import parse_cgroup_path
from oomsight_agent.kernel.oom_log.model import LogKill, LogOom
from oomsight_api.incident import Attribution, KillMemory, LastSample, OomScope


@dataclass(frozen=True, slots=True)
class Place:
    """Where a victim ran; `container_id` None: in the pod's own cgroup, in no pod, or unknown."""

    cgroup: str | None = None
    pod_uid: str | None = None
    container_id: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """Whose memory ran out."""

    scope: OomScope | None = None
    cgroup: str | None = None
    pod_uid: str | None = None
    container_id: str | None = None


@dataclass(slots=True, eq=False)
class Kill:
    """One killed process, as far as it is known."""

    case_id: str
    place: Place | None = None
    attributed_by: Attribution | None = None
    ordinal: int | None = None
    log: LogKill | None = None
    limit: Limit | None = None
    """Whose own limit rose with its counter."""
    process: ProcessSeen | None = None
    """What the pid cache knew of it."""
    waits: bool = False
    """Nobody knows yet whose it was: not told until the counters have been asked."""
    since_start: bool = True
    """It happened after this agent's first sample."""

    @property
    def is_container_init(self) -> bool | None:
        return self.process.is_container_init if self.process is not None else None


@dataclass(slots=True, eq=False)
class Case:
    """One OOM."""

    id: str
    time_seconds: float
    not_before_seconds: float | None = None
    oom: LogOom | None = None
    kills: list[Kill] = field(default_factory=list)
    since_start: bool = True
    """It happened after this agent's first sample."""
    kills_read: int = 0
    """Of the log's kills: those that were taken into account, told or not."""
    limit: Limit = field(default_factory=Limit)
    oom_group: bool | None = None
    trigger_container_id: str | None = None
    memory: KillMemory | None = None
    """Of the last sample; what the log says goes before it."""
    pod_memory: KillMemory | None = None
    """Of the victim's pod in the same sample: what `memory` is once the limit is known to be the pod's."""
    before: LastSample | None = None
    survived: bool | None = None

    @property
    def can_be_told(self) -> bool:
        """Somebody died of it, or it is certain that nobody did."""
        return any(not kill.waits for kill in self.kills) or (self.oom is not None and not self.oom.kills)

    @property
    def container_id(self) -> str | None:
        """The first victim's container."""
        first = next((kill for kill in self.kills if not kill.waits), None)
        return first.place.container_id if first is not None and first.place is not None else None


def place_of(path: str) -> Place:
    """Whose a cgroup is."""
    identity = parse_cgroup_path(path)
    return Place(path) if identity is None else Place(path, identity.pod_uid, identity.container_id)


def limit_of(oom: LogOom) -> Limit:
    """Whose limit the log names; without scope where it names none."""
    if oom.is_global:
        return Limit(OomScope.NODE)
    if oom.limit_cgroup is None:
        return Limit()
    identity = parse_cgroup_path(oom.limit_cgroup)
    if identity is None:
        return Limit(OomScope.CGROUP, oom.limit_cgroup)
    scope = OomScope.CONTAINER if identity.container_id is not None else OomScope.POD
    if identity.nested:
        scope = OomScope.CGROUP
    return Limit(scope, oom.limit_cgroup, identity.pod_uid, identity.container_id)
