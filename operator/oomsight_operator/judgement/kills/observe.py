"""One look at a container: what the agent tells of it, the ends that the kubelet tells of, and what time alone decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

from oomsight_api.report import Container as ContainerRow
from oomsight_operator.judgement.kills.book import Book
from oomsight_operator.judgement.kills.ends import CHILD_GRACE_SECONDS, AgentWord, is_killing, judge_end, judge_life
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.kills.tellings import Telling, ends_of, finished_at, is_near
from oomsight_operator.judgement.model import ContainerHistory, ContainerStatus, Termination
from oomsight_operator.judgement.rounding import is_same_limit

MAX_KILLS = 64
"""As many as incidents are kept of a pod."""
MAX_WAITING = 64
"""More cannot wait: the longest in it are taken for children's, as they would be a few seconds later."""
MAX_ENDED_IDS = 8


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
    tellings: tuple[Telling, ...] = ()
    """Oldest first."""
    agent: AgentWord | None = None
    """None: no agent speaks."""


@dataclass(frozen=True, slots=True)
class KillTransition:
    """The container's history with its kills brought up to date, and those seen for the first time and recent enough to
    announce."""

    history: ContainerHistory
    new_kills: tuple[Kill, ...] = ()
    due_seconds: float | None = None
    """When time alone decides something: a kill that waits is a child's, an end that waits for the agent's word is judged."""


def observe_kills(previous: ContainerHistory, seen: Observation) -> KillTransition:
    """One step. The same look twice counts and tells nothing more."""
    history = _of_this_run(previous, seen.row)
    book = Book.open(seen.name, _limit_by_spec(seen), previous, history, seen.now_seconds)
    for telling in sorted(seen.tellings, key=_order):
        _take(book, telling, seen)
    ended = list(history.ended_container_ids)
    due: list[float] = []
    undecided: set[str] = set()
    for end in ends_of(seen.status):
        if end.container_id in ended:
            continue
        until = judge_end(book, end, seen.agent)
        if until is not None:
            due.append(until)
            undecided.add(end.container_id)
        else:
            ended.append(end.container_id)
    for waits in tuple(book.waiting):
        until = waits.since_seconds + CHILD_GRACE_SECONDS
        if len(book.waiting) > MAX_WAITING:
            book.count_child(waits)
        elif waits.kill.container_id in undecided:
            continue
        elif until > seen.now_seconds:
            due.append(until)
        else:
            book.count_child(waits)
    lives_at = judge_life(book, seen.status, seen.row, seen.agent)
    due += [lives_at] if lives_at is not None else []
    names = sum(1 + len(telling.ordinals) for telling in seen.tellings)
    history = book.close(names, MAX_KILLS, tuple(ended[-MAX_ENDED_IDS:]))
    recent = seen.now_seconds - seen.recent_kill_seconds
    new = tuple(kill for kill in book.kills if kill.identity in book.announced and _earliest(kill) >= recent)
    return KillTransition(history, tuple(sorted(new, key=lambda kill: kill.time_seconds)), min(due, default=None))


def _take(book: Book, telling: Telling, seen: Observation) -> None:
    """An incident: counted at once where it, or the end of its run, says whether the container died of it; else it waits."""
    kill = book.take(telling)
    if kill is None or book.told_by_status(telling):
        return
    if telling.ended is None:
        end = next((end for end in ends_of(seen.status) if end.container_id == telling.container_id), None)
        if end is None or not _was_judged(book, end):
            book.wait(kill, telling.ordinals)
            return
        # The kubelet told of the end before; then nobody had told of this kill.
        near = is_near(kill.time_seconds, kill.not_before_seconds, finished_at(end, seen.now_seconds))
        by_it = is_killing(end) and near and not book.has_ended(telling.container_id)
        kill = replace(kill, container_ended=by_it, exit_code=end.exit_code if by_it else None)
    book.count(kill, telling.ordinals)


def _was_judged(book: Book, end: Termination) -> bool:
    return end.container_id in book.history.ended_container_ids


def _order(telling: Telling) -> tuple[int, float]:
    """What ended a run goes first, PID 1's kill before all and later ones before earlier ones: there is one at most."""
    if telling.ended:
        return (0 if any(victim.is_container_init for victim in telling.victims) else 1, -telling.time_seconds)
    return (2, telling.time_seconds)


def _of_this_run(history: ContainerHistory, row: ContainerRow | None) -> ContainerHistory:
    """The run that the agent measures, and the limit that the kernel enforces on it."""
    if row is None:
        return history
    run, limit = history.container_id_seen, history.limit_bytes_seen
    if row.container_id != run:
        before = (run, limit) if run is not None and limit is not None else None
        history = replace(
            history, container_id_seen=row.container_id, oom_kills_seen=None, limit_bytes_seen=None, run_before=before
        )
    limit = row.memory.limit_bytes if row.memory.limit_bytes is not None else history.limit_bytes_seen
    return replace(history, limit_bytes_seen=limit) if limit != history.limit_bytes_seen else history


def _limit_by_spec(seen: Observation) -> int | None:
    """Of a run that no sample saw. A resize that the node has not carried out yet says nothing of it: then it is not known."""
    enforced = seen.row.memory.limit_bytes if seen.row is not None else None
    if enforced is None or seen.limit_bytes is None or is_same_limit(enforced, seen.limit_bytes):
        return seen.limit_bytes
    return None


def _earliest(kill: Kill) -> float:
    return kill.not_before_seconds if kill.not_before_seconds is not None else kill.time_seconds
