"""The end of a run, as the kubelet tells it: which kill it was, if any.

`OOMKilled` alone is believed where no agent can contradict it. Where an agent spoke throughout, and a child's kill of the run
explains the word, an end without a kill near it is no second one: the word is sticky. SIGKILL (137) with a kill near it is that
kill, whatever reason the runtime gives; without one it is somebody's `kill -9`. Who was told to have died and lives was not killed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from oomsight_api.report import Container as ContainerRow
from oomsight_operator.judgement.kills.book import Book
from oomsight_operator.judgement.kills.model import SIGKILL_EXIT_CODE, Kill, KillSource, WaitingKill
from oomsight_operator.judgement.kills.tellings import OOM_KILLED, finished_at, is_near
from oomsight_operator.judgement.model import ContainerStatus, Termination

CHILD_GRACE_SECONDS = 10.0
"""The kubelet tells of an end within about a second (PLEG relist), under load within several; the agent of a kill as well."""
AGENT_WORD_SECONDS = 30.0
"""So long a sticky word waits for a later sample of the agent: an answer is held back for 20 s at most while nothing changes."""
SAMPLE_MARGIN_SECONDS = 1.0
"""The kubelet's times are whole seconds."""


@dataclass(frozen=True, slots=True)
class AgentWord:
    """For when an agent speaks, by its own clock."""

    since_seconds: float | None
    until_seconds: float

    def covers(self, end: Termination) -> bool | None:
        """Whether it would have told of a kill at that end; None: not yet."""
        finished = end.finished_at_seconds
        if finished is None or self.since_seconds is None or self.since_seconds > finished:
            return False
        return True if self.until_seconds >= finished + SAMPLE_MARGIN_SECONDS else None


def is_killing(end: Termination) -> bool:
    """Whether an OOM can be what ended the run."""
    return end.exit_code == SIGKILL_EXIT_CODE or (end.reason == OOM_KILLED and end.exit_code != 0)


def judge_end(book: Book, end: Termination, agent: AgentWord | None) -> float | None:
    """Give the end to a kill, or make it one, or none. A time: not before then, when the agent has had its word."""
    run, now = end.container_id, book.now_seconds
    finished = finished_at(end, now)
    own = next((index for index, kill in _of_run(book, run) if kill.ended_container or kill.source is KillSource.STATUS), None)
    if own is not None:
        if book.kills[own].exit_code is None:
            book.kills[own] = replace(book.kills[own], exit_code=end.exit_code)
        book.count_waiting(run)
        return None
    if is_killing(end) and _give_to_kill(book, run, end, finished):
        return None
    if end.reason == OOM_KILLED:
        return _judge_word(book, run, end, finished, agent)
    dated = end.finished_at_seconds is not None  # ContainerStatusUnknown is not, and would be of just now for ever
    if dated and end.exit_code == SIGKILL_EXIT_CODE and agent is not None and 0 <= now - finished < CHILD_GRACE_SECONDS:
        return finished + CHILD_GRACE_SECONDS
    book.count_waiting(run)
    return None


def judge_life(book: Book, status: ContainerStatus | None, row: ContainerRow | None, agent: AgentWord | None) -> float | None:
    """A kill that was told to have ended a run which goes on was a child's: the kubelet calls it running, and the agent still finds
    its cgroup long after. A time: when that can be said, if both still hold."""
    if status is None or row is None or agent is None or status.state != "running":
        return None
    if status.container_id != row.container_id or row.process_count == 0:
        return None
    for index, kill in _of_run(book, row.container_id):
        if not kill.container_ended or kill.exit_code is not None:
            continue
        until = kill.time_seconds + CHILD_GRACE_SECONDS
        if min(agent.until_seconds, book.now_seconds) < until:  # by both clocks: the node's may be ahead
            return until
        book.kills[index] = replace(kill, container_ended=False)
    return None


def _judge_word(book: Book, run: str, end: Termination, finished: float, agent: AgentWord | None) -> float | None:
    """`OOMKilled`, with no kill near."""
    explained = any(True for _ in _of_run(book, run)) or any(waits.kill.container_id == run for waits in book.waiting)
    if explained and end.exit_code != 0 and agent is not None:
        covered = agent.covers(end)
        until = finished + (CHILD_GRACE_SECONDS if covered else AGENT_WORD_SECONDS)
        if covered is not False and finished <= book.now_seconds < until:
            return until if covered else min(until, book.now_seconds + CHILD_GRACE_SECONDS)
        explained = bool(covered)
    elif end.exit_code != 0:
        explained = False
    book.count_waiting(run)
    if not explained:
        of_seen_run = book.history.container_id_seen == run
        book.count(
            Kill(
                time_seconds=finished,
                container_name=book.name,
                container_id=run,
                source=KillSource.STATUS,
                limit_bytes=book.limit_of(run),
                peak_bytes=book.history.peak_bytes if of_seen_run else None,
                exit_code=end.exit_code,
            )
        )
    return None


def _give_to_kill(book: Book, run: str, end: Termination, finished: float) -> bool:
    """The last kill near the end is what ended the run; earlier ones were children's. What was told already is corrected in the
    record, and not told a second time."""
    near = [(kill.time_seconds, 1, index, kill) for index, kill in _of_run(book, run)]
    near += [(waits.kill.time_seconds, 2, index, waits.kill) for index, waits in enumerate(book.waiting)]
    near = [one for one in near if one[3].container_id == run and is_near(one[0], one[3].not_before_seconds, finished)]
    if not near:
        return False
    _, which, index, kill = max(near, key=lambda one: one[:3])
    ended = replace(kill, container_ended=True, exit_code=end.exit_code)
    if which == 1:
        book.kills[index] = ended
    else:
        waits: WaitingKill = book.waiting.pop(index)
        book.count(ended, waits.ordinals)
    book.count_waiting(run)
    return True


def _of_run(book: Book, run: str) -> list[tuple[int, Kill]]:
    """Counted kills of a run, the latest first."""
    return [(index, kill) for index, kill in reversed(list(enumerate(book.kills))) if kill.container_id == run]
