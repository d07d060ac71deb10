"""From what the kubelet and the kernel's counters say to kills, each counted once.

Two witnesses, and both err. The kubelet's `OOMKilled` is sticky: it stays in `lastState` for as long as the container runs (so
every end of a run is judged once, by container id), and it is also told, with exit code 0, of a container whose child had died
long before. The kernel's counter knows every kill but not whose: a rise that is followed by the container's end is that end,
otherwise a child died. Hence a rise waits `CHILD_GRACE_SECONDS` for the kubelet before it counts as a child's. `Error` with 137
beside a rise is an OOM kill whose runtime event was lost; without one it waits as long for the pod's counter, since the agent's
word may come after the kubelet's. For the same reason a rise in a run whose end was judged an OOM kill already is that kill.

What was there before the operator first looked counts as past: `lastState` with its own time, a counter with the container's
start as its earliest time. Pure: the clock is passed in, and the history that comes back is the only memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from oomsight_api.report import Container as ContainerRow
from oomsight_operator.judgement.model import SIGKILL_EXIT_CODE, ContainerHistory, ContainerStatus, Kill, KillSource, Termination

CHILD_GRACE_SECONDS = 10.0
"""The kubelet tells of an end within about a second (PLEG relist), under load within several."""
SAME_KILL_SECONDS = 15.0
"""A counter's kill at most this long before the end of its container is that end."""
MAX_KILLS = 32
MAX_ENDED_IDS = 8
OOM_KILLED = "OOMKilled"


@dataclass(frozen=True, slots=True)
class Observation:
    """What is seen of one container now."""

    name: str
    status: ContainerStatus | None
    row: ContainerRow | None
    limit_bytes: int | None
    """From the spec: the limit of a run that no sample saw."""
    now_seconds: float
    recent_kill_seconds: int
    pod_counter_rose: bool = False
    """The pod's own counter rose lately by more than its containers' counters explain."""
    pod_counter_known: bool = False


@dataclass(frozen=True, slots=True)
class KillTransition:
    """The container's history with its kills brought up to date, and those seen for the first time and recent enough to
    announce."""

    history: ContainerHistory
    new_kills: tuple[Kill, ...] = ()
    counter_rise: int = 0
    """By how much the container's own counter rose: what it explains of the pod's."""
    ended_by_oom: bool = False
    """A run's end was judged an OOM kill: it explains what is left of the pod's rise."""
    undecided_until_seconds: float | None = None
    """When an end is judged for good that still waits for the pod's counter."""


def observe_kills(previous: ContainerHistory, seen: Observation) -> KillTransition:
    """One step: the counter of the known run, then ends of runs, then the counter of a run that is new."""
    history = previous
    rise = 0
    same_run = seen.row is not None and seen.row.container_id == previous.container_id_seen
    if seen.row is not None and same_run:
        history, rise = _count(history, seen.row, history.oom_kills_seen, None, seen.now_seconds)
        history = _explain_by_its_end(history)
    ended_by_oom = False
    undecided_until: float | None = None
    announced: list[Kill] = []
    for end in _unjudged_ends(history, seen.status):
        if _is_undecided(history, end, seen):
            undecided_until = (end.finished_at_seconds or 0.0) + CHILD_GRACE_SECONDS
            continue
        history, kill, by_oom = _judge_end(history, end, seen)
        ended_by_oom = ended_by_oom or by_oom
        announced += [kill] if kill is not None else []
    if seen.row is not None and not same_run:
        history, kill = _as_child_kill(history, seen)
        announced += [kill] if kill is not None else []
        history, rise = _begin_run(history, seen.row, seen)
        history = _explain_by_its_end(history)
    until = pending_until(history)
    running = seen.status is not None and seen.status.state == "running" and seen.status.container_id == history.container_id_seen
    if until is not None and running and seen.now_seconds >= until:
        history, kill = _as_child_kill(history, seen)
        announced += [kill] if kill is not None else []
    known = {kill.identity for kill in previous.kills}
    new = tuple(
        kill for kill in announced if kill.identity not in known and seen.now_seconds - _earliest(kill) <= seen.recent_kill_seconds
    )
    history = replace(history, kills=tuple(sorted(history.kills, key=lambda kill: kill.time_seconds)[-MAX_KILLS:]))
    return KillTransition(history, new, rise, ended_by_oom, undecided_until)


def pending_until(history: ContainerHistory) -> float | None:
    """When a waiting rise of the counter becomes a child's kill."""
    if history.pending_oom_kills <= 0 or history.pending_since_seconds is None:
        return None
    return history.pending_since_seconds + CHILD_GRACE_SECONDS


def _count(
    history: ContainerHistory, row: ContainerRow, before: int | None, not_before_seconds: float | None, now_seconds: float
) -> tuple[ContainerHistory, int]:
    """Let the rise of the counter wait. A counter that could not be read keeps its last known value."""
    limit = row.memory.limit_bytes if row.memory.limit_bytes is not None else history.limit_bytes_seen
    history = replace(history, limit_bytes_seen=limit)
    if row.oom_kills is None:
        return history, 0
    rise = max(0, row.oom_kills - (before or 0))
    if rise:
        waiting = history.pending_oom_kills > 0
        history = replace(
            history,
            pending_oom_kills=history.pending_oom_kills + rise,
            pending_since_seconds=history.pending_since_seconds if waiting else now_seconds,
            pending_not_before_seconds=history.pending_not_before_seconds if waiting else not_before_seconds,
        )
    # A kernel's counter never falls; one that does is no reason to count its next rise a second time.
    return replace(history, oom_kills_seen=max(before or 0, row.oom_kills)), rise


def _begin_run(history: ContainerHistory, row: ContainerRow, seen: Observation) -> tuple[ContainerHistory, int]:
    """First sample of a run: its counter began at 0; kills of it that are known (from before a restart of the operator) are
    taken off."""
    known = max((kill.sequence for kill in history.kills if kill.container_id == row.container_id), default=0)
    status = seen.status
    started = status.started_at_seconds if status is not None and status.container_id == row.container_id else None
    history = replace(history, container_id_seen=row.container_id, oom_kills_seen=None, limit_bytes_seen=None)
    return _count(history, row, known, started, seen.now_seconds)


def _explain_by_its_end(history: ContainerHistory) -> ContainerHistory:
    """A rise that is told after the kubelet told of the same kill, as by an agent on a busy node, is no second one."""
    if history.pending_oom_kills <= 0:
        return history
    for index, kill in enumerate(history.kills):
        if kill.container_id == history.container_id_seen and (kill.ended_container or kill.source is KillSource.STATUS):
            told = replace(kill, processes=max(kill.processes, history.pending_oom_kills))
            return replace(
                history,
                kills=(*history.kills[:index], told, *history.kills[index + 1 :]),
                pending_oom_kills=0,
                pending_since_seconds=None,
                pending_not_before_seconds=None,
            )
    return history


def _unjudged_ends(history: ContainerHistory, status: ContainerStatus | None) -> tuple[Termination, ...]:
    """Oldest first, each run once (`state` and `lastState` may tell of the same one)."""
    ends = (status.last_terminated, status.terminated) if status is not None else ()
    by_run = {_run_of(end): end for end in ends if end is not None}
    return tuple(end for run, end in by_run.items() if run not in history.ended_container_ids)


def _is_undecided(history: ContainerHistory, end: Termination, seen: Observation) -> bool:
    """Killed a moment ago by nobody knows whom, and the pod's counter may yet tell."""
    if end.reason == OOM_KILLED or end.exit_code != SIGKILL_EXIT_CODE or end.finished_at_seconds is None:
        return False
    has_rise = history.pending_oom_kills > 0 and history.container_id_seen == _run_of(end)
    can_tell = seen.pod_counter_known and not seen.pod_counter_rose and not has_rise
    return can_tell and 0 <= seen.now_seconds - end.finished_at_seconds < CHILD_GRACE_SECONDS


def _judge_end(history: ContainerHistory, end: Termination, seen: Observation) -> tuple[ContainerHistory, Kill | None, bool]:
    """The history with this end judged, the kill to announce if it is one not counted before, and whether OOM ended the run."""
    run = _run_of(end)
    history = replace(history, ended_container_ids=(*history.ended_container_ids, run)[-MAX_ENDED_IDS:])
    counted = tuple(kill for kill in history.kills if kill.container_id == run)
    if any(kill.ended_container or kill.source is KillSource.STATUS for kill in counted):
        return history, None, False  # Known from before a restart of the operator.
    of_seen_run = history.container_id_seen == run
    pending = history.pending_oom_kills if of_seen_run else 0
    finished = end.finished_at_seconds if end.finished_at_seconds is not None else seen.now_seconds
    at_the_end = tuple(kill for kill in counted if kill.time_seconds >= finished - SAME_KILL_SECONDS)
    told = end.reason == OOM_KILLED
    killed_hard = end.exit_code == SIGKILL_EXIT_CODE
    if told and not killed_hard and counted and not pending:
        return history, None, False  # Sticky: it tells of a child's kill, which the counter told of before.
    if not told and not (killed_hard and (pending or at_the_end or seen.pod_counter_rose)):
        # It ended for another reason; a rise that waited was a child's kill.
        history, kill = _as_child_kill(history, seen) if pending else (history, None)
        return history, kill, False
    kill = Kill(
        time_seconds=min(finished, seen.now_seconds),  # a node's clock that is ahead must not keep a kill recent for good
        container_name=seen.name,
        container_id=run,
        source=KillSource.STATUS if told else KillSource.COUNTER,
        limit_bytes=history.limit_bytes_seen if of_seen_run and history.limit_bytes_seen is not None else seen.limit_bytes,
        peak_bytes=history.peak_bytes if of_seen_run else None,
        exit_code=end.exit_code,
        processes=max(1, pending, *(kill.processes for kill in at_the_end)),
        sequence=0 if told else _sequence_at_end(history, run, counted=bool(pending or at_the_end)),
    )
    kept = tuple(other for other in history.kills if other not in at_the_end)
    history = replace(history, kills=(*kept, kill))
    if of_seen_run:
        history = replace(history, pending_oom_kills=0, pending_since_seconds=None, pending_not_before_seconds=None)
    # What was announced as a child's is corrected in the record, and not announced a second time.
    return history, None if at_the_end else kill, kill.ended_container


def _sequence_at_end(history: ContainerHistory, run: str, *, counted: bool) -> int:
    """The counter's value at a kill that only counters tell of; one more than the last known where the cgroup was gone too soon."""
    seen = history.oom_kills_seen if history.container_id_seen == run else None
    known = max((kill.sequence for kill in history.kills if kill.container_id == run), default=0)
    return max(seen or 0, known) + (0 if counted else 1)


def _as_child_kill(history: ContainerHistory, seen: Observation) -> tuple[ContainerHistory, Kill | None]:
    """The waiting rise as the kill of a child, at the time of the first sample that showed it."""
    if history.pending_oom_kills <= 0 or history.container_id_seen is None:
        return history, None
    kill = Kill(
        time_seconds=history.pending_since_seconds if history.pending_since_seconds is not None else seen.now_seconds,
        container_name=seen.name,
        container_id=history.container_id_seen,
        source=KillSource.COUNTER,
        limit_bytes=history.limit_bytes_seen if history.limit_bytes_seen is not None else seen.limit_bytes,
        peak_bytes=history.peak_bytes,
        processes=history.pending_oom_kills,
        sequence=history.oom_kills_seen or 0,
        not_before_seconds=history.pending_not_before_seconds,
    )
    history = replace(
        history,
        kills=(*history.kills, kill),
        pending_oom_kills=0,
        pending_since_seconds=None,
        pending_not_before_seconds=None,
    )
    return history, kill


def _run_of(end: Termination) -> str:
    """The id of the run that ended; a runtime that gives none is told apart by the time."""
    return end.container_id or f"finished-{end.finished_at_seconds or 0:.0f}"


def _earliest(kill: Kill) -> float:
    return kill.not_before_seconds if kill.not_before_seconds is not None else kill.time_seconds
