"""All containers' counters: which rose, and whose kills are still open."""

from __future__ import annotations

from typing import Final

from oomsight_agent.incidents.case import Kill, Limit
from oomsight_agent.incidents.counters import UNSEEN_SECONDS, ContainerCounter, Moment, Ordinal, Rise
from oomsight_agent.incidents.history import History
from oomsight_api.report import Container

MAX_COUNTERS: Final = 4096


class ContainerCounters:
    """By container id. A container that is gone is remembered: its row may come back, or a line of the log come late."""

    def __init__(self) -> None:
        self._counters: dict[str, ContainerCounter] = {}
        self._open: dict[str, ContainerCounter] = {}
        """Those in which something waits."""

    def __contains__(self, container_id: object) -> bool:
        counter = self._counters.get(container_id) if isinstance(container_id, str) else None
        return counter is not None and counter.counter is not None

    def add(self, container_id: str, kill: Kill, seen: Moment) -> None:
        """A kill of the log."""
        counter = self._counter(container_id)
        counter.add(kill, seen)
        self._open[container_id] = counter

    def _counter(self, container_id: str) -> ContainerCounter:
        counter = self._counters.get(container_id)
        if counter is None:
            counter = self._counters[container_id] = ContainerCounter()
        return counter

    def take(
        self, history: History, now: Moment, not_before: float, boot_time_seconds: float, *, first: bool
    ) -> list[tuple[Container, int]]:
        """The rows whose counter rose, and by how much. Absent is not zero: a counter that is not told says nothing."""
        rose = []
        for container_id, row in history.now.containers.items():
            kills = row.oom_kills
            if kills is None:
                continue
            counter = self._counters.get(container_id)
            if counter is None:
                counter = self._counter(container_id)
            if counter.counter == kills:
                continue
            new = counter.counter is None
            earliest = not_before if not new else max(boot_time_seconds, not_before - UNSEEN_SECONDS)
            by = counter.rose_to(kills, _rise(history, row, now, boot_time_seconds if first else earliest, first=first))
            if not counter.at_rest:
                self._open[container_id] = counter
            if by:
                rose.append((row, by))
        self._forget(history)
        return rose

    def _forget(self, history: History) -> None:
        if len(self._counters) <= MAX_COUNTERS:
            return
        gone = [container_id for container_id in self._counters if container_id not in history.now.containers]
        for container_id in gone[: len(self._counters) - MAX_COUNTERS]:
            del self._counters[container_id]
            self._open.pop(container_id, None)

    def match_first(self) -> list[Kill]:
        """See `ContainerCounter`."""
        return [kill for counter in self._open.values() for kill in counter.match_first()]

    def match(self, now: Moment) -> list[Kill]:
        """The log's kills that got an ordinal now."""
        matched = [kill for counter in self._open.values() for kill in counter.match(now)]
        self._open = {container_id: counter for container_id, counter in self._open.items() if not counter.at_rest}
        return matched

    def doubtful(self) -> list[Kill]:
        """Kills of the log that may have been told already by their counter."""
        return [kill for counter in self._open.values() for kill in counter.doubtful()]

    def unexplained(self, *, since_start: bool) -> dict[str, int]:
        """By container, the kills since the agent's first sample, or of before it, that its counter shows and the log does not."""
        found = {container_id: counter.unexplained(since_start=since_start) for container_id, counter in self._open.items()}
        return {container_id: count for container_id, count in found.items() if count}

    def overdue(self, now: Moment, *, follows_log: bool) -> list[list[Ordinal]]:
        """By container, the kills that are to be told from its counter alone."""
        found = [counter.overdue(now, follows_log=follows_log) for counter in self._open.values()]
        return [ordinals for ordinals in found if ordinals]

    def due_seconds(self) -> list[float]:
        """Monotonic times at which a grace ends."""
        return [due for counter in self._open.values() for due in counter.due_seconds()]


def _rise(history: History, row: Container, now: Moment, not_before: float, *, first: bool) -> Rise:
    earlier = history.previous.containers.get(row.container_id)
    return Rise(
        row=row,
        seen=now,
        time_seconds=history.now.time_seconds,
        not_before_seconds=not_before,
        since_start=not first,
        limit=Limit() if first else history.limit_that_rose(row),
        before=earlier,
        before_seconds=history.previous.time_seconds if earlier is not None else None,
    )
