"""The kills of one container's counter, each with its ordinal: which of them the log explains, and which it does not.

The counter and the log tell the same kills in the same order, but not at the same time, and either can miss some. So the log's
kills take the ordinals in order as both come; no clock is compared (the log's drifts from all others). Each is given once: as
many kills are told as were counted, whatever was lost. What a counter had before the agent's first sample ends with the kills that
the log's ring still held then.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from oomsight_agent.incidents.case import Kill, Limit
from oomsight_api.report import MAX_INCIDENTS, Container

GRACE_SECONDS: Final = 1.0
"""So long a counter waits for the log's lines, and a line without owner for a counter; and for one more sample."""
EXPIRY_SECONDS: Final = 5.0
"""A kill of the log that no counter showed by then never will be (a cgroup that was gone too soon): it takes no later ordinal."""

UNSEEN_SECONDS: Final = 60.0
"""The same where the container is in no report yet: the sampler finds a new cgroup within its interval for statistics."""
MAX_OPEN: Final = 4096
"""Kills of one container that wait for log or counter: a storm of a thousand may fall between two samples."""
LATE_LINE_SECONDS: Final = 30.0
"""A line that comes so long after its counter was told is taken for another kill."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was seen."""

    round: int
    """Number of the observation."""
    monotonic_seconds: float

    def is_over(self, now: Moment, *, grace_seconds: float = GRACE_SECONDS) -> bool:
        """Whether the grace has passed, with at least one more observation."""
        return now.round > self.round and now.monotonic_seconds >= self.monotonic_seconds + grace_seconds


@dataclass(frozen=True, slots=True)
class Rise:
    """What a counter rose by between two samples."""

    row: Container
    seen: Moment
    time_seconds: float
    not_before_seconds: float
    since_start: bool
    """Happened after the agent's first sample."""
    limit: Limit
    before: Container | None = None
    before_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ordinal:
    """One kill that the counter shows and nothing explains yet."""

    number: int
    rise: Rise


class ContainerCounter:
    """The ordinals of one container."""

    __slots__ = ("_fresh", "_old", "_pending", "_told", "counter")

    def __init__(self) -> None:
        self.counter: int | None = None
        self._fresh: deque[Ordinal] = deque()
        self._old: list[Ordinal] = []
        """From before the first sample."""
        self._told: deque[tuple[Ordinal, float]] = deque(maxlen=MAX_OPEN)
        """Told from the counter alone, and when; a line that comes later than the grace takes one of them."""
        self._pending: deque[tuple[Kill, Moment]] = deque()

    @property
    def at_rest(self) -> bool:
        """Nothing is open."""
        return not (self._pending or self._fresh or self._old)

    def unexplained(self, *, since_start: bool) -> int:
        """Kills since the agent's first sample, or of before it, that the counter shows and the log does not."""
        known = sum(1 for kill, _ in self._pending if kill.since_start == since_start)
        return max(0, (len(self._fresh) if since_start else len(self._old)) - known)

    def add(self, kill: Kill, seen: Moment) -> None:
        """A kill of the log."""
        self._pending.append((kill, seen))
        if len(self._pending) > MAX_OPEN:
            self._pending.popleft()

    def rose_to(self, counter: int, rise: Rise) -> int:
        """Take the counter; says by how much it rose. One that falls belongs to another cgroup: nothing is known of its kills."""
        before = self.counter or 0
        self.counter = counter
        if counter < before:
            self._fresh.clear()
            self._old.clear()
            self._told.clear()
            return 0
        numbers = range(max(before, counter - (MAX_OPEN if rise.since_start else MAX_INCIDENTS)), counter)
        (self._fresh if rise.since_start else self._old).extend(Ordinal(number + 1, rise) for number in numbers)
        return counter - before

    def match_first(self) -> list[Kill]:
        """After the first sample: the ring holds the last of what was counted before."""
        count = min(len(self._old), len(self._pending))
        matched = []
        for ordinal in self._old[len(self._old) - count :]:
            kill, _ = self._pending.popleft()
            kill.ordinal = ordinal.number
            matched.append(kill)
        del self._old[len(self._old) - count :]
        return matched

    def match(self, now: Moment) -> list[Kill]:
        """Give ordinals to the log's kills, in order; those that got one now.

        One that was there before this sample and finds no new ordinal was counted earlier: it takes one that was told without it.
        """
        matched = []
        while self._told and self._told[0][1] < now.monotonic_seconds - LATE_LINE_SECONDS:
            self._told.popleft()
        while self._pending:
            kill, seen = self._pending[0]
            ordinal = self._next(seen, now)
            if ordinal is None:
                patience = EXPIRY_SECONDS if self.counter is not None else UNSEEN_SECONDS
                if now.monotonic_seconds - seen.monotonic_seconds < patience:
                    break
                self._pending.popleft()
                continue
            self._pending.popleft()
            kill.ordinal, kill.limit = ordinal.number, ordinal.rise.limit
            matched.append(kill)
        return matched

    def doubtful(self) -> list[Kill]:
        """Kills of the log that the counter does not show, though it has shown others before: either these, or others.

        The next sample knows.
        """
        return [kill for kill, _ in self._pending] if self._told or self._old else []

    def _next(self, seen: Moment, now: Moment) -> Ordinal | None:
        if self._fresh:
            return self._fresh.popleft()
        if seen.round >= now.round:
            return None
        if self._old:
            return self._old.pop()
        return self._told.pop()[0] if self._told else None

    def overdue(self, now: Moment, *, follows_log: bool) -> list[Ordinal]:
        """What is to be told from the counter alone, now."""
        due: list[Ordinal] = []
        if self._old and _is_due(self._old[0], now, follows_log=follows_log):
            due, self._old = self._old, []
        while self._fresh and _is_due(self._fresh[0], now, follows_log=follows_log):
            due.append(self._fresh.popleft())
        self._told.extend((ordinal, now.monotonic_seconds) for ordinal in due)
        return due

    def due_seconds(self) -> list[float]:
        """Monotonic times at which something should be looked at again."""
        first = [*self._old[:1], *list(self._fresh)[:1]]
        return [ordinal.rise.seen.monotonic_seconds + GRACE_SECONDS for ordinal in first]


def _is_due(ordinal: Ordinal, now: Moment, *, follows_log: bool) -> bool:
    return not follows_log or ordinal.rise.seen.is_over(now)
