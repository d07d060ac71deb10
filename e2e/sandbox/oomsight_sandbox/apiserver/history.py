"""The bounded history of one resource, from which watches are served.

A watcher holds a position and asks for what came after it. One that falls behind the bound has lost events and is told so (410): no
queue per watcher exists that a slow one could fill.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .store import StoredObject

EventType = Literal["ADDED", "MODIFIED", "DELETED"]


class HistoryLostError(Exception):
    """What was asked for is older than what is kept."""


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One change. `previous` is what the object was before (None when added): selectors need it to tell who left and who joined.

    A DELETED event carries the object's last state under the resource version of the deletion.
    """

    type: EventType
    object: StoredObject
    previous: StoredObject | None

    @property
    def resource_version(self) -> int:
        return self.object.resource_version


class History:
    """Events in order; positions are absolute (the first event ever has position 0)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._events: list[HistoryEvent] = []
        self._first_position = 0
        self._lost_version = 0
        """The resource version of the newest event that was thrown away; watches from before it miss something."""

    @property
    def end(self) -> int:
        return self._first_position + len(self._events)

    def append(self, event: HistoryEvent) -> None:
        self._events.append(event)
        if len(self._events) >= 2 * self._limit:
            self._drop(len(self._events) - self._limit)

    def compact(self, version: int) -> None:
        """Forget all events up to and including `version`, as etcd's compaction does."""
        self._drop(bisect_right(self._events, version, key=lambda event: event.resource_version))
        self._lost_version = max(self._lost_version, version)

    def position_after(self, version: int) -> int:
        """Where a watch starts that has seen everything up to `version`; HistoryLostError if events since are gone."""
        if version < self._lost_version:
            raise HistoryLostError(f"too old resource version: {version} ({self._lost_version})")
        return self._first_position + bisect_right(self._events, version, key=lambda event: event.resource_version)

    def read(self, position: int, limit: int) -> Sequence[HistoryEvent]:
        """At most `limit` events from `position` on; HistoryLostError if the reader was too slow."""
        offset = position - self._first_position
        if offset < 0:
            raise HistoryLostError(f"too old resource version: the reader is {-offset} events behind what is kept")
        return self._events[offset : offset + limit]

    def _drop(self, count: int) -> None:
        if count <= 0:
            return
        self._lost_version = self._events[count - 1].resource_version
        del self._events[:count]
        self._first_position += count
