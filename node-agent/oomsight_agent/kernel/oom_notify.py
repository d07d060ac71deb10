"""Wakes the agent when a kill may have been counted in a pod, so that it need not wait for its next sample.

Both versions of the memory controller tell through a descriptor, each in its own way (`oom_notify_v1.py`, `oom_notify_v2.py`), and
both tell of more than kills. So what wakes is never believed: the counter is read again, and only one that rose is news.
"""

from __future__ import annotations

import heapq
import os
import select
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import Generic, Protocol, TypeVar


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


class FollowedCgroup(Protocol):
    """What each version remembers of a cgroup, at least."""

    descriptor: int
    """Speaks in the epoll; closed when the cgroup is no longer followed."""
    inode: int


CgroupT = TypeVar("CgroupT", bound=FollowedCgroup)


class FollowedCgroups(ABC, Generic[CgroupT]):
    """Which cgroups are followed, each with a descriptor in one epoll."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._cgroups: dict[str, CgroupT] = {}
        self._by_descriptor: dict[int, tuple[str, CgroupT]] = {}
        self._timers = Timers()

    @property
    def due_seconds(self) -> float | None:
        return self._timers.next_seconds

    def fileno(self) -> int:
        return self._epoll.fileno()

    def follow(self, cgroups: Mapping[str, int]) -> None:
        for directory, cgroup in list(self._cgroups.items()):
            if cgroups.get(directory) != cgroup.inode:
                self._drop(directory)
        for directory, inode in cgroups.items():
            if directory not in self._cgroups:
                self._begin(directory, inode)

    def close(self) -> None:
        for directory in list(self._cgroups):
            self._drop(directory)
        self._epoll.close()

    @abstractmethod
    def _begin(self, directory: str, inode: int) -> None:
        """Follow one more, with `_add`; or not, where it is gone or cannot be asked."""

    def _add(self, directory: str, cgroup: CgroupT) -> None:
        self._cgroups[directory] = cgroup
        self._by_descriptor[cgroup.descriptor] = (directory, cgroup)

    def _drop(self, directory: str) -> None:
        cgroup = self._cgroups.pop(directory)
        del self._by_descriptor[cgroup.descriptor]
        with suppress(OSError):
            self._epoll.unregister(cgroup.descriptor)
        os.close(cgroup.descriptor)
