"""Plain values of kills: what one is, who told of it, and why it happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from oomsight_api.incident import KillMemory, LastSample, OomScope
from oomsight_api.names import Cause


class KillSource(StrEnum):
    """Evidence of a kill: who told of it first, or the kernel's log where a counter did and the log tells of it, too."""

    STATUS = "status"
    """The kubelet's `OOMKilled`."""
    COUNTER = "counter"
    """The kernel's counter."""
    KERNEL_LOG = "kernel-log"
    """The kernel's log, with or without its counter."""


SIGKILL_EXIT_CODE = 137
"""128 + SIGKILL: the exit code of a container whose main process the kernel killed."""


@dataclass(frozen=True, slots=True)
class KillCause:
    """Why it was killed, and the numbers that show it."""

    cause: Cause
    sentence: str
    """Printable ASCII, with the numbers and where they come from."""


def incident_identity(container_id: str, incident_id: str) -> tuple[str, str, str]:
    """`Kill.identity` of a kill that an incident told of first."""
    return (container_id, "incident", incident_id)


def end_identity(container_id: str) -> tuple[str, str, str]:
    """`Kill.identity` of a kill that the kubelet told of first: a run ends once."""
    return (container_id, KillSource.STATUS.value, "0")


@dataclass(frozen=True, slots=True)
class Kill:
    """One OOM of a container: all of its processes that one decision of the kernel killed. See `identity`."""

    time_seconds: float
    container_name: str
    container_id: str
    source: KillSource
    limit_bytes: int | None = None
    """The limit in force when it happened; None where there was none or it is unknown."""
    peak_bytes: int | None = None
    exit_code: int | None = None
    processes: int = 1
    """How many processes the counters say died (0 is not known to be none: then 1)."""
    not_before_seconds: float | None = None
    """Set where only the counter is known, not the moment: it happened between this and `time_seconds`."""
    sequence: int = 0
    """Which kill of the container's counter it is: the greatest ordinal of its victims; 0 where that is not known."""
    incident_id: str | None = None
    """Of the agent's incident, as first told; None where the kubelet alone tells of it."""
    scope: OomScope | None = None
    """Whose memory ran out; None is unknown."""
    victim_pid: int | None = None
    victim_name: str | None = None
    """The first victim in this container."""
    memory: KillMemory | None = None
    before: LastSample | None = None
    cause: KillCause | None = None
    container_ended: bool | None = None
    """Whether the container ended with it, where an incident says so; None: as the exit code tells."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Its name from the first telling on, whatever is learned of it later: what was counted and told under it is never counted
        and told again. A kill that the kubelet told of first keeps that name when its incident comes."""
        if self.source is KillSource.STATUS:
            return end_identity(self.container_id)
        if self.incident_id is not None:
            return incident_identity(self.container_id, self.incident_id)
        return (self.container_id, self.source.value, str(self.sequence))

    @property
    def ended_container(self) -> bool:
        """True: the container ended with it. False: a child process died and the container went on, or ended well later (exit
        code 0)."""
        if self.container_ended is not None:
            return self.container_ended
        if self.source is KillSource.STATUS:
            return self.exit_code != 0
        return self.exit_code == SIGKILL_EXIT_CODE


@dataclass(frozen=True, slots=True)
class WaitingKill:
    """A kill of which nobody knows yet whether the container died of it: neither counted nor told."""

    kill: Kill
    since_seconds: float
    """When it was first heard of."""
    ordinals: tuple[int, ...] = ()
    """Of its victims, as far as known."""
