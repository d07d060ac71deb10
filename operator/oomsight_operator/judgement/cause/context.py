"""What a rule knows of a kill beside the kill itself, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from oomsight_api.incident import Incident
from oomsight_api.names import Cause
from oomsight_api.report import Container as ContainerRow
from oomsight_operator.judgement.kills.model import Kill


@dataclass(frozen=True, slots=True)
class KillContext:
    """The container's run that was killed, its pod, and its past. Everything but the name may be unknown, and then is None."""

    container_name: str
    pod_limit_bytes: int | None = None
    """Of the pod's cgroup (the sum of its containers' limits, or pod-level resources); used where the kill's memory tells none."""
    request_bytes: int | None = None
    """What the container asks for."""
    started_at_seconds: float | None = None
    """Of the run that was killed (`kill.container_id`), never of the one after it."""
    alone_in_pod: bool | None = None
    """Whether the pod has no other container (init containers that have ended do not count)."""
    pod_rows: Mapping[str, ContainerRow] = field(default_factory=dict)
    """The latest row of each of the pod's containers, by name."""
    earlier_kills: tuple[Kill, ...] = ()
    """Of the same container, all runs, in any order; the kill itself and later ones may be among them."""
    window_seconds: float | None = None
    """How far back an earlier kill counts (the policy's `recentKillSeconds`); None: as far as is known."""
    incident: Incident | None = None
    """As last told by the agent: its victims, its task table, its trigger."""
    kernel_log_following: bool | None = None
    """Whether the agent reads the kernel's log; False: it was told to and cannot; None: it was not told to, or nothing is known."""
    agent_silent: bool = False
    """Whether no agent speaks for the pod's node now: then nothing is known of its evidence."""


@dataclass(frozen=True, slots=True)
class CauseRule:
    """One cause: when it holds, what it means, and what to do about it (in plain words, for people)."""

    cause: Cause
    judge: Callable[[Kill, KillContext], str | None]
    """The clause that gives this cause's reason, with its numbers; None where it does not hold. It never raises and never guesses:
    what is unknown does not hold."""
    when: str
    """The condition with its thresholds, for people."""
    meaning: str
    todo: str
