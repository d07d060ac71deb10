"""Wakes the agent when a kill may have been counted in a pod, so that it need not wait for its next sample.

Both versions of the memory controller tell through a descriptor, each in its own way (`oom_notify_v1.py`, `oom_notify_v2.py`), and
both tell of more than kills. So what wakes is never believed: the counter is read again, and only one that rose is news.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Protocol


class OomNotify(Protocol):
    """Follows the kill counters of some cgroups. Not thread-safe."""

    @property
    def due_seconds(self) -> float | None:
        """Monotonic time at which `look` wants to be called even if the descriptor stays silent; None: not before it speaks."""

    def fileno(self) -> int:
        """Readable when `look` should be called."""

    def follow(self, cgroups: Mapping[str, int]) -> None:
        """From now on these directories, with their inode numbers (a cgroup of an old name is a new one), and no others."""

    def look(self, now: float) -> bool:
        """Whether a counter rose since it was last read. `now` is monotonic. Never blocks or raises."""

    def close(self) -> None:
        """Close every descriptor."""


class Timers:
    """Descriptors that are due at some monotonic time. One that was closed in the meantime is the caller's to recognise."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []

    @property
    def next_seconds(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def add(self, due_seconds: float, descriptor: int) -> None:
        heapq.heappush(self._heap, (due_seconds, descriptor))

    def pop_due(self, now: float) -> list[int]:
        """Those that are due, and no longer waiting."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[1])
        return due
