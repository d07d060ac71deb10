"""Which pods are to be judged, now or at a time of their own; who judges them sleeps here while there are none.

What the API tells counts at once. What a node's agent tells waits while the node rests from being judged (pace.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from oomsight_operator.engine.agenda import Agenda
from oomsight_operator.engine.pace import Pace


class DirtyPods:
    """By uid. For one event loop; all times are of the one monotonic clock, in seconds."""

    def __init__(self, monotonic: Callable[[], float], *, tick_seconds: float, gather_seconds: float) -> None:
        self._monotonic = monotonic
        self._tick_seconds = tick_seconds
        self._gather_seconds = gather_seconds
        self._dirty: dict[str, None] = {}
        self._agenda = Agenda(tick_seconds)
        self._pace = Pace()
        self._told: set[str] = set()
        """Pods of which their agent told something that is not judged yet: what that takes is owed by their node."""
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()

    def mark(self, uids: Iterable[str]) -> None:
        """To be judged now."""
        before = len(self._dirty)
        self._dirty.update(dict.fromkeys(uids))
        if len(self._dirty) != before:
            self._wake.set()

    def mark_later(self, uid: str, seconds: float) -> None:
        """To be judged in so many seconds, unless it is sooner anyway."""
        self._agenda.add(uid, self._monotonic(), seconds)

    def mark_told(self, node_name: str, uids: Iterable[str], *, kill: bool) -> None:
        """The node's agent told something of these pods: now, or when the node has rested from being judged."""
        now, concerned = self._monotonic(), list(uids)
        self._told.update(concerned)
        seconds = self._pace.wait_seconds(node_name, now, kill=kill)
        if seconds <= 0:
            self.mark(concerned)
            return
        for uid in concerned:
            self._agenda.add(uid, now, seconds)

    def mark_due(self) -> None:
        """Whose time has come is to be judged now."""
        self.mark(self._agenda.take_due(self._monotonic()))

    def take(self) -> Iterable[str]:
        """All that are to be judged now, in the order in which they were marked; they are dirty no more."""
        self._idle.clear()
        batch, self._dirty = self._dirty, {}
        return batch

    def judged(self, uid: str, node_name: str, cpu_seconds: float) -> None:
        """That took so long; where it was for what an agent told, its node owes rest."""
        if uid in self._told:
            self._told.discard(uid)
            self._pace.note(node_name, self._monotonic(), cpu_seconds)

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self._dirty.pop(uid, None)
        self._told.discard(uid)
        self._agenda.forget(uid)

    def mark_silent(self, node_name: str, uids: Iterable[str]) -> None:
        """The node's agent is silent, and owes nothing any more: these, all of its pods, are to be judged now."""
        concerned = list(uids)
        self._pace.forget(node_name)
        self._told.difference_update(concerned)
        self.mark(concerned)

    async def wait(self) -> None:
        """Everything that was taken is judged: sleep until there is more, or time alone may have changed something."""
        if not self._dirty:
            self._idle.set()
        self._wake.clear()
        if not self._dirty:
            seconds = min(self._tick_seconds, self._agenda.seconds_left(self._monotonic()))
            try:
                async with asyncio.timeout(seconds):  # not wait_for, which can swallow a cancellation (until 3.12)
                    await self._wake.wait()
            except TimeoutError:
                return
        await asyncio.sleep(self._gather_seconds)

    async def idle(self) -> None:
        """Wait, while somebody judges, until nothing is to be judged now."""
        while self._dirty or not self._idle.is_set():
            self._idle.clear()
            await self._idle.wait()
