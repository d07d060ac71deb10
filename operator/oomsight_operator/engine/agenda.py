"""Which pods are to be judged again though nothing of them changes, and when: levels held long enough, pods that had their time."""

from __future__ import annotations

import heapq


class Agenda:
    """At most one time a pod, the earliest that was asked for. Times are of one monotonic clock, in seconds."""

    def __init__(self, tick_seconds: float) -> None:
        self._tick_seconds = tick_seconds
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        """What is not in `_due` with this time was replaced or forgotten."""

    def __len__(self) -> int:
        return len(self._due)

    def add(self, uid: str, now: float, seconds: float) -> None:
        """To be judged in so many seconds, unless it is sooner anyway."""
        # One tick later is soon enough; without it two clocks that drift apart make an entry of each judgement.
        when, known = now + seconds, self._due.get(uid)
        if known is None or when < known - self._tick_seconds or known <= now:
            self._due[uid] = when
            heapq.heappush(self._heap, (when, uid))

    def forget(self, uid: str) -> None:
        self._due.pop(uid, None)

    def take_due(self, now: float) -> list[str]:
        """Whose time has come; they are off the agenda."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            when, uid = heapq.heappop(self._heap)
            if self._due.get(uid) == when:
                del self._due[uid]
                due.append(uid)
        return due

    def seconds_left(self, now: float) -> float:
        """Until the next may be due; endless with an empty agenda."""
        return max(0.0, self._heap[0][0] - now) if self._heap else float("inf")
