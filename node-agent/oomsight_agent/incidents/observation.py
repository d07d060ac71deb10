"""What the tracker of incidents is handed with each sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oomsight_agent.kernel.oom_log.model import LogOom
from oomsight_api.report import NodeReport


@dataclass(frozen=True, slots=True)
class ProcessSeen:
    """A process as the last look at /proc found it. After a kill its directory is gone, and this is what is left."""

    pid: int
    name: str
    """Printable ASCII."""
    container_id: str | None
    """None: in no container."""
    is_container_init: bool | None = None
    """Whether it is PID 1 of its own pid namespace (NSpid, 4.1 on); None where the kernel does not tell."""
    badness_points: int | None = None
    oom_score_adj: int | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One sample, and what the log brought since the one before."""

    report: NodeReport
    """The sample, full; its `oom_kills` of containers, pods and node are the counters."""
    monotonic_seconds: float
    boot_time_seconds: float
    """Unix time at which the log's clock (about CLOCK_MONOTONIC) was 0."""
    log: tuple[LogOom, ...] = ()
    """New, or grown by a victim, since the last observation, in the log's order. The first one holds what the ring still had."""
    follows_log: bool = False
    """Whether the kernel's log is read: then a counter waits a moment for its lines."""
    processes: Mapping[int, ProcessSeen] = field(default_factory=dict)
    """By pid, as of the last look before this sample (and of those that have gone since)."""
    survivors: Mapping[str, bool] = field(default_factory=dict)
    """Whether a container still has processes, for those that the tracker asked about."""
    gone_pids: frozenset[int] | None = None
    """Of `processes` in the containers that the tracker asked about: those that are gone now. None: nobody looked."""
