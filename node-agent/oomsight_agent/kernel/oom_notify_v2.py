"""Notification of cgroup v2: `memory.events` can be polled (POLLPRI), and is hierarchical: a pod's tells of all its containers.

It tells of every event, and a container full of page cache hits `max` thousands of times a second. Kernels from 4.18 on let a file
speak a hundred times a second at most (CGROUP_FILE_NOTIFY_MIN_INTV); here one that spoke without a kill is silenced for 10 ms, then
for twice as long each time, up to a quarter of a second. `oom` is counted a moment before `oom_kill`: then it is asked again soon.
Silencing is EPOLLONESHOT: what happens meanwhile is found at once when the file is armed again.
Sources: kernel/cgroup/cgroup.c (cgroup_file_notify), fs/kernfs/file.c (kernfs_generic_poll), mm/oom_kill.c (oom_kill_process).
"""

from __future__ import annotations

import math
import os
import select
from typing import Final

from oomsight_agent.kernel.events import parse_events, parse_ooms
from oomsight_agent.kernel.files import open_for_reading
from oomsight_agent.kernel.oom_notify import FollowedCgroups
from oomsight_agent.kernel.problem import Problem

SILENCE_SECONDS: Final = 0.01
SILENCE_MOST_SECONDS: Final = 0.25
FORGIVEN_AFTER_SECONDS: Final = 1.0
"""A file that was silent for so long by itself begins with the shortest silence again."""
GRID_SECONDS: Final = 0.05
"""Long silences end on a grid, so that a hundred noisy pods wake the agent together."""

_ARMED: Final = select.EPOLLPRI | select.EPOLLONESHOT
_READ_BYTES: Final = 1024


class _File:
    __slots__ = ("descriptor", "inode", "kills", "ooms", "spoke_seconds", "streak")

    def __init__(self, descriptor: int, inode: int) -> None:
        self.descriptor = descriptor
        self.inode = inode
        self.kills = 0
        self.ooms = 0
        self.streak = 0
        self.spoke_seconds = float("-inf")


class EventsNotify(FollowedCgroups[_File]):
    """Polls `memory.events` of the directories that it follows."""

    def look(self, now: float) -> bool:
        for descriptor in self._timers.pop_due(now):
            if descriptor in self._by_descriptor:
                self._epoll.modify(descriptor, _ARMED)
        risen = False
        for descriptor, _ in self._epoll.poll(0, max(1, len(self._cgroups))):
            directory, file = self._by_descriptor[descriptor]
            try:
                risen = self._spoke(file, now) or risen
            except OSError:  # the cgroup is gone
                self._drop(directory)
        return risen

    def _begin(self, directory: str, inode: int) -> None:
        try:
            descriptor = open_for_reading(f"{directory}/memory.events")
        except OSError:  # gone, or no room for another descriptor: its kills wait for the next sample
            return
        file = _File(descriptor, inode)
        try:
            self._read(file)  # without it the first poll would find news
            self._epoll.register(descriptor, _ARMED)
        except OSError:  # a file that cannot be polled (no kernfs)
            os.close(descriptor)
            return
        self._add(directory, file)

    def _spoke(self, file: _File, now: float) -> bool:
        """Whether a kill was counted; silences the file for a while. Raises OSError."""
        kills, ooms = file.kills, file.ooms
        self._read(file)
        risen = file.kills > kills
        if risen or file.ooms > ooms or now - file.spoke_seconds > FORGIVEN_AFTER_SECONDS:
            file.streak = 0
        file.spoke_seconds = now
        silence = min(SILENCE_SECONDS * 2**file.streak, SILENCE_MOST_SECONDS)
        file.streak = min(file.streak + 1, 16)
        due = now + silence
        if silence == SILENCE_MOST_SECONDS:
            due = math.ceil(due / GRID_SECONDS) * GRID_SECONDS
        self._timers.add(due, file.descriptor)
        return risen

    @staticmethod
    def _read(file: _File) -> None:
        data = os.pread(file.descriptor, _READ_BYTES, 0)
        events, ooms = parse_events(data), parse_ooms(data)
        if not isinstance(events, Problem):
            file.kills = events.oom_kills or 0
        if ooms is not None and not isinstance(ooms, Problem):
            file.ooms = ooms
