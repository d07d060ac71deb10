"""Kills of the log of which nobody knows yet whose they were: the rate limit swallowed the header, and the pid was never seen.

They wait a moment for the counters. Where the counter of exactly one container (or pod) shows as many kills without explanation,
they are its; where several do, each counter tells of its own kills, without a name, and as many of these lines tell nothing new.
"""

from __future__ import annotations

from collections import deque

from oomsight_agent.incidents.case import Case, Kill
from oomsight_agent.incidents.counters import GRACE_SECONDS, LATE_LINE_SECONDS, MAX_OPEN, Moment


class Waiting:
    """In the log's order."""

    def __init__(self) -> None:
        self._kills: list[tuple[Kill, Case, Moment]] = []
        self._owed: deque[float] = deque(maxlen=MAX_OPEN)
        """When counters told kills whose lines have not come yet: the log is read in parts, and lags in a storm."""

    def __bool__(self) -> bool:
        return bool(self._kills)

    def add(self, kill: Kill, case: Case, seen: Moment) -> None:
        while self._owed and self._owed[0] < seen.monotonic_seconds - LATE_LINE_SECONDS:
            self._owed.popleft()
        if self._owed:
            self._owed.popleft()
            case.kills.remove(kill)
        else:
            self._kills.append((kill, case, seen))

    def take_all_of(self, candidates: dict[str, int], now: Moment) -> tuple[str, list[tuple[Kill, Case]]] | None:
        """The one candidate that must have been theirs, and the kills. `candidates`: unexplained kills by counter."""
        if not self._kills or len(candidates) != 1:
            return None
        ((candidate, count),) = candidates.items()
        taken = len(self._kills)
        if count < taken:
            taken = sum(1 for _, _, seen in self._kills if seen.is_over(now))
        if taken == 0 or count < taken:
            return None
        found = [(kill, case) for kill, case, _ in self._kills[:taken]]
        del self._kills[:taken]
        return candidate, found

    def absorb(self, count: int, now: Moment, *, since_start: bool) -> None:
        """So many kills are told by their counters: as many lines are not told, the oldest, and where they are yet to come, those.

        Lines of what happened before the agent's start do not come any more.
        """
        if since_start:
            self._owed.extend([now.monotonic_seconds] * (count - len(self._kills)))
        for kill, case, _ in self._kills[:count]:
            case.kills.remove(kill)
        del self._kills[:count]

    def overdue(self, now: Moment, *, unexplained: int) -> list[tuple[Kill, Case]]:
        """Those of which nobody will ever know whose they were, the oldest first.

        unexplained: kills that counters show and have not told yet. However long samples take, as many lines wait for them.
        """
        too_many = len(self._kills) - MAX_OPEN
        over = sum(1 for _, _, seen in self._kills if seen.is_over(now))
        due = [(kill, case) for kill, case, _ in self._kills[: max(too_many, over - unexplained, 0)]]
        del self._kills[: len(due)]
        return due

    def due_seconds(self) -> list[float]:
        """Monotonic time at which the next one has waited long enough."""
        return [seen.monotonic_seconds + GRACE_SECONDS for _, _, seen in self._kills[:1]]
