"""Kills of the log of which nobody knows yet whose they were: the rate limit swallowed the header, and the pid was never seen.

They wait a moment for the counters. Where the counter of exactly one container (or pod) shows as many kills without explanation,
they are its; where several do, each counter tells of its own kills, without a name, and as many of these lines tell nothing new.
Which of them those were nobody knows, so that for a while no other line can be said to be the one counter's that is left.
Lines of before the agent's first sample stand for what the counters had then, later ones for what they rose by: they never mix.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from oomsight_agent.incidents.case import Case, Kill
from oomsight_agent.incidents.counters import GRACE_SECONDS, LATE_LINE_SECONDS, MAX_OPEN, Moment

FIRST_ROUNDS: Final = 1
"""A kill that the first sample counted may have its line read just after it."""


class Waiting:
    """In the log's order, by whether it happened after the agent's first sample."""

    def __init__(self) -> None:
        self._old: list[tuple[Kill, Case, Moment]] = []
        self._new: list[tuple[Kill, Case, Moment]] = []
        self._owed: deque[float] = deque(maxlen=MAX_OPEN)
        """When counters told kills whose lines have not come yet: the log is read in parts, and lags in a storm."""
        self._mixed_until_seconds = float("-inf")
        """A line that was seen until then may be of a kill that a counter has told."""

    def __bool__(self) -> bool:
        return bool(self._old or self._new)

    def add(self, kill: Kill, case: Case, seen: Moment) -> None:
        if not kill.since_start:
            self._old.append((kill, case, seen))
            return
        while self._owed and self._owed[0] < seen.monotonic_seconds - LATE_LINE_SECONDS:
            self._owed.popleft()
        if self._owed:
            self._owed.popleft()
            case.kills.remove(kill)
        else:
            self._new.append((kill, case, seen))

    def take_all_of(
        self, candidates: dict[str, int], now: Moment, *, since_start: bool
    ) -> tuple[str, list[tuple[Kill, Case]]] | None:
        """The one candidate that must have been theirs, and the kills. `candidates`: unexplained kills by counter."""
        kills = self._of(since_start)
        if not kills or len(candidates) != 1:
            return None
        ((candidate, count),) = candidates.items()
        taken = len(kills)
        if count < taken:
            taken = sum(1 for _, _, seen in kills if seen.is_over(now))
        if taken == 0 or count < taken:
            return None
        if since_start and kills[0][2].monotonic_seconds <= self._mixed_until_seconds:
            return None  # its counter tells them, without a name
        found = [(kill, case) for kill, case, _ in kills[:taken]]
        del kills[:taken]
        return candidate, found

    def absorb(self, count: int, now: Moment, *, since_start: bool) -> None:
        """So many kills are told by their counters: as many lines are not told, the oldest, and where they are yet to come, those.

        Lines of what happened before the agent's start do not come any more, but for those of its very first moment.
        """
        taken = self._drop(self._of(since_start), count)
        if since_start:
            self._mixed_until_seconds = now.monotonic_seconds + LATE_LINE_SECONDS
            self._owed.extend([now.monotonic_seconds] * (count - taken))
        else:
            first = sum(1 for _, _, seen in self._new if seen.round <= FIRST_ROUNDS)
            self._drop(self._new, min(count - taken, first))

    def overdue(self, now: Moment, *, unexplained: int, unexplained_before: int) -> list[tuple[Kill, Case]]:
        """Those of which nobody will ever know whose they were, the oldest first.

        unexplained: kills since the first sample that counters show and have not told yet, `unexplained_before`: of before it.
        However long samples take, as many lines wait for them.
        """
        found = []
        for kills, reserved in ((self._old, unexplained_before), (self._new, unexplained)):
            over = sum(1 for _, _, seen in kills if seen.is_over(now))
            due = kills[: max(len(kills) - MAX_OPEN, over - reserved, 0)]
            del kills[: len(due)]
            found += [(kill, case) for kill, case, _ in due]
        return found

    def due_seconds(self) -> list[float]:
        """Monotonic times at which the next ones have waited long enough."""
        return [seen.monotonic_seconds + GRACE_SECONDS for _, _, seen in (*self._old[:1], *self._new[:1])]

    def _of(self, since_start: bool) -> list[tuple[Kill, Case, Moment]]:
        return self._new if since_start else self._old

    @staticmethod
    def _drop(kills: list[tuple[Kill, Case, Moment]], count: int) -> int:
        dropped = kills[: max(0, count)]
        for kill, case, _ in dropped:
            case.kills.remove(kill)
        del kills[: len(dropped)]
        return len(dropped)
