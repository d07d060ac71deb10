"""The highest or lowest of a row's amounts, until every client has been told: so that nothing is lost between two answers.

A client has seen a row's last material version of its revision, and not the samples after it that were not worth an answer. So each
value is remembered with the revision that tells it, and only where it lies beyond every later one: an older, lesser one cannot
matter. At most KEPT of them; merging two keeps the one further out. A value may so be told twice, never not at all. After
MEMORY_SECONDS it is forgotten: by then every client has been told the whole node.
"""

from __future__ import annotations

KEPT = 8
MEMORY_SECONDS = 600.0
"""Twice the time between two whole answers. A client that was away for longer hears of nothing older: a peak or a floor is about
recent minutes."""

_OPEN = 2**63
"""Revision of values that no material version has told yet."""


class Untold:
    """Of one amount of one row; highest values, or with `lowest` lowest ones."""

    __slots__ = ("_entries", "_sign")

    def __init__(self, value: int | None, revision: int, now_seconds: float, *, lowest: bool = False) -> None:
        """The first sample's value, which `revision` tells."""
        self._sign = -1 if lowest else 1
        # (time, revision that tells it, value): values fall (rise, of lowest ones), times and revisions rise.
        self._entries: list[tuple[float, int, int]] = [] if value is None else [(now_seconds, revision, value)]

    def note(self, value: int | None, now_seconds: float) -> None:
        """A sample's value, which no material version has told yet."""
        if value is None:
            return
        entries, sign = self._entries, self._sign
        while entries and sign * entries[-1][2] <= sign * value:
            entries.pop()
        while entries and now_seconds - entries[0][0] > MEMORY_SECONDS:
            entries.pop(0)
        entries.append((now_seconds, _OPEN, value))
        if len(entries) > KEPT:
            furthest = entries.pop(0)
            entries[0] = (entries[0][0], entries[0][1], furthest[2])

    def close(self, revision: int) -> int | None:
        """A new material version tells what was open: the furthest of that, None where nothing was."""
        told = next((value for _, tells, value in self._entries if tells == _OPEN), None)
        self._entries = [(time, revision if tells == _OPEN else tells, value) for time, tells, value in self._entries]
        return told

    def since(self, revision: int, now_seconds: float, own: int | None) -> int | None:
        """The furthest that a client at `revision` has not been told, `own` (the latest sample's) included."""
        for time, tells, value in self._entries:
            if tells > revision and now_seconds - time <= MEMORY_SECONDS:
                return value if own is None or self._sign * value > self._sign * own else own
        return own
