"""A keyed work queue: the latest work per key wins, the worst goes first, failures come back later.

Pure of clocks and I/O: every call takes `now` in seconds. `publishing.runner` drives it.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class Claim(Generic[W]):
    """Work handed out; the key is locked until `finish`, `retry` or `drop`."""

    key: str
    work: W
    attempts: int
    """How often this key failed in a row before."""


@dataclass(slots=True)
class _Entry(Generic[W]):
    work: W
    priority: int
    order: int
    """Number of the first put since the key was last idle: first come, first served within a priority."""
    wanted_at: float
    """When the offerer wants it written at the earliest."""
    retry_at: float = float("-inf")
    attempts: int = 0
    version: int = 0
    in_flight: bool = False
    meanwhile: Literal["nothing", "replaced", "discarded"] = "nothing"
    """What was asked of the key while its work was in flight."""

    @property
    def due_at(self) -> float:
        return max(self.wanted_at, self.retry_at)


class WorkQueue(Generic[W]):
    """At most one entry per key. Not safe for threads; made for one event loop."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry[W]] = {}
        self._delayed: list[tuple[float, int, str]] = []
        self._ready: list[tuple[int, int, int, str]] = []
        self._numbers = itertools.count()
        self._in_flight = 0

    def __len__(self) -> int:
        """Keys that wait or are in flight."""
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    @property
    def in_flight(self) -> int:
        return self._in_flight

    def is_waiting(self, key: str) -> bool:
        """Whether work on `key` will be handed out that was not yet."""
        entry = self._entries.get(key)
        return entry is not None and (not entry.in_flight or entry.meanwhile == "replaced")

    def put(self, key: str, work: W, *, priority: int = 0, not_before: float = float("-inf")) -> None:
        """Ask for `work` on `key`; replaces what waits there. A back-off after a failure stays in force."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(work, priority, next(self._numbers), not_before)
            self._schedule(key, entry)
            return
        entry.work, entry.priority, entry.wanted_at = work, priority, not_before
        if entry.in_flight:
            entry.meanwhile = "replaced"
        else:
            self._schedule(key, entry)

    def discard(self, key: str) -> None:
        """Forget what waits on `key`. What is in flight goes on, and nothing follows it."""
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry.in_flight:
            entry.meanwhile = "discarded"
        else:
            del self._entries[key]

    def claim(self, now: float) -> Claim[W] | None:
        """The worst work that is due and not in flight."""
        self._promote(now)
        while self._ready:
            _, _, version, key = heapq.heappop(self._ready)
            entry = self._entries.get(key)
            if entry is None or entry.version != version or entry.in_flight:
                continue
            entry.in_flight, entry.meanwhile = True, "nothing"
            self._in_flight += 1
            return Claim(key, entry.work, entry.attempts)
        return None

    def finish(self, key: str) -> None:
        """The claimed work is done, or not worth another try; work that came meanwhile is scheduled."""
        entry = self._release(key)
        if entry.meanwhile == "replaced":
            entry.attempts, entry.retry_at, entry.order = 0, float("-inf"), next(self._numbers)
            self._schedule(key, entry)
        else:
            del self._entries[key]

    def retry(self, key: str, at: float) -> None:
        """The claimed work failed: the key's latest work is due again at `at`."""
        entry = self._release(key)
        if entry.meanwhile == "discarded":
            del self._entries[key]
            return
        entry.attempts += 1
        entry.retry_at = at
        self._schedule(key, entry)

    def wait_seconds(self, now: float) -> float | None:
        """Time until something can be claimed; 0 when something can; None when nothing waits."""
        self._promote(now)
        if self._ready:
            return 0.0
        return max(0.0, self._delayed[0][0] - now) if self._delayed else None

    def first_priority(self, now: float) -> int | None:
        """Priority of what `claim` would hand out; None: nothing."""
        self._promote(now)
        return -self._ready[0][0] if self._ready else None

    def unfinished(self, now: float) -> int:
        """Keys that are wanted by `now`: in flight, due, or waiting for another try. Work wanted only later does not count."""
        return sum(1 for entry in self._entries.values() if entry.in_flight or entry.wanted_at <= now)

    def _release(self, key: str) -> _Entry[W]:
        entry = self._entries[key]
        if not entry.in_flight:
            raise ValueError(f"work on {key!r} was not claimed")
        entry.in_flight = False
        self._in_flight -= 1
        return entry

    def _schedule(self, key: str, entry: _Entry[W]) -> None:
        entry.version = next(self._numbers)
        heapq.heappush(self._delayed, (entry.due_at, entry.version, key))
        self._compact()

    def _promote(self, now: float) -> None:
        """Move what became due to the heap ordered by priority, and drop stale heads."""
        while self._delayed:
            due_at, version, key = self._delayed[0]
            entry = self._entries.get(key)
            current = entry is not None and entry.version == version and not entry.in_flight
            if current and due_at > now:
                break
            heapq.heappop(self._delayed)
            if current and entry is not None:
                heapq.heappush(self._ready, (-entry.priority, entry.order, version, key))
        while self._ready:
            _, _, version, key = self._ready[0]
            entry = self._entries.get(key)
            if entry is not None and entry.version == version and not entry.in_flight:
                break
            heapq.heappop(self._ready)

    def _compact(self) -> None:
        """Stale heap entries of replaced work are dropped before they outnumber the keys."""
        if len(self._delayed) + len(self._ready) <= 4 * len(self._entries) + 64:
            return
        live = {key: entry.version for key, entry in self._entries.items() if not entry.in_flight}
        self._delayed = [item for item in self._delayed if live.get(item[2]) == item[1]]
        self._ready = [item for item in self._ready if live.get(item[3]) == item[2]]
        heapq.heapify(self._delayed)
        heapq.heapify(self._ready)
