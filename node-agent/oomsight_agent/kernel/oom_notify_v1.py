"""Notification of cgroup v1: an eventfd, registered with `<eventfd> <descriptor of memory.oom_control>` in `cgroup.event_control`.

It is signalled before the kernel has chosen a victim, for the cgroup whose limit was hit and for every one below it, and once more
when the cgroup is removed. So the counter is read a few times afterwards. An OOM of a pod speaks in its containers, of which one
counts the kill. Nothing is told of node-wide OOMs. The file is writable for everyone, but not on a read-only mount.
Where nobody can be killed it is signalled thousands of times a second: after one signal (EPOLLONESHOT) it is not listened to until
the counter was looked at; what happens meanwhile is found then.
Sources: mm/memcontrol-v1.c (memcg_write_event_control, mem_cgroup_oom_notify), Documentation/admin-guide/cgroup-v1/memory.rst.
"""

from __future__ import annotations

import errno
import logging
import os
import select
from contextlib import suppress
from typing import Final

from oomsight_agent.kernel.files import open_for_reading, read_file
from oomsight_agent.kernel.oom_control import parse_oom_kills
from oomsight_agent.kernel.oom_notify import FollowedCgroups
from oomsight_agent.kernel.problem import printable_text

LOOKS_AFTER_SECONDS: Final = (0.005, 0.02, 0.1, 0.4, 1.0)
"""A kill in 16 MiB was counted within 5 ms of the signal (6.18); where many OOMs wait for each other, within half a second."""

_ARMED: Final = select.EPOLLIN | select.EPOLLONESHOT
_REFUSED: Final = frozenset((errno.EROFS, errno.EACCES, errno.EPERM))

_log = logging.getLogger(__name__)


class _Cgroup:
    __slots__ = ("descriptor", "due_seconds", "inode", "kills", "looks")

    def __init__(self, descriptor: int, inode: int, kills: int) -> None:
        self.descriptor = descriptor
        self.inode = inode
        self.kills = kills
        self.looks = 0
        """Looks at the counter since the last signal."""
        self.due_seconds: float | None = None
        """Of the next look."""


class OomControlNotify(FollowedCgroups[_Cgroup]):
    """Has an eventfd for each of the directories that it follows."""

    def __init__(self) -> None:
        super().__init__()
        self._refused = False

    def look(self, now: float) -> bool:
        for descriptor, _ in self._epoll.poll(0, max(1, len(self._cgroups))):
            _, cgroup = self._by_descriptor[descriptor]
            cgroup.looks = 0
            due = now + LOOKS_AFTER_SECONDS[0 if cgroup.due_seconds is None else 1]
            if cgroup.due_seconds is None or due < cgroup.due_seconds:
                self._ask(cgroup, due)
        risen = False
        for descriptor in self._timers.pop_due(now):
            known = self._by_descriptor.get(descriptor)
            if known is not None and known[1].due_seconds is not None and known[1].due_seconds <= now:
                risen = self._look_at(*known, now) or risen
        return risen

    def _ask(self, cgroup: _Cgroup, due_seconds: float) -> None:
        cgroup.due_seconds = due_seconds
        self._timers.add(due_seconds, cgroup.descriptor)

    def _begin(self, directory: str, inode: int) -> None:
        if self._refused:
            return
        try:
            self._register(directory, inode)
        except OSError as error:
            if error.errno in _REFUSED:
                self._refused = True
                _log.warning(
                    "kills are seen with the next sample only: the kernel's OOM notification cannot be asked for",
                    extra={"path": printable_text(f"{directory}/cgroup.event_control"), "problem": error.strerror},
                )

    def _register(self, directory: str, inode: int) -> None:
        counted = open_for_reading(f"{directory}/memory.oom_control")
        try:
            descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            try:
                control = os.open(f"{directory}/cgroup.event_control", os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
                try:
                    os.write(control, f"{descriptor} {counted}".encode())
                finally:
                    os.close(control)
                kills = parse_oom_kills(os.pread(counted, 1024, 0))
                self._epoll.register(descriptor, _ARMED)
            except OSError:
                os.close(descriptor)
                raise
        finally:
            os.close(counted)
        self._add(directory, _Cgroup(descriptor, inode, kills if isinstance(kills, int) else 0))

    def _look_at(self, directory: str, cgroup: _Cgroup, now: float) -> bool:
        """Whether its counter rose; asks for the next look, after the last one no more."""
        if cgroup.looks == 0:
            with suppress(BlockingIOError):
                os.eventfd_read(cgroup.descriptor)
            self._epoll.modify(cgroup.descriptor, _ARMED)
        try:
            kills = parse_oom_kills(read_file(f"{directory}/memory.oom_control"))
        except OSError:  # gone: that was the signal
            self._drop(directory)
            return False
        cgroup.looks += 1
        cgroup.due_seconds = None
        if cgroup.looks < len(LOOKS_AFTER_SECONDS):
            passed, until = LOOKS_AFTER_SECONDS[cgroup.looks - 1 : cgroup.looks + 1]
            self._ask(cgroup, now + until - passed)
        if not isinstance(kills, int) or kills <= cgroup.kills:
            return False
        cgroup.kills = kills
        return True
