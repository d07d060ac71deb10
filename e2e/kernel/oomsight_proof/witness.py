"""The ground truth: who ran in which container, and who died of a SIGKILL that is not ours.

Every process tells its start, and every parent the ends of its children, on one socket (`cell.c`); the kernel adds each sender's
pid in our pid namespace, so that also PID 1 of a container is known by the pid that the log names.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from oomsight_agent.kernel.problem import printable

_CREDENTIALS = struct.Struct("3i")


@dataclass(slots=True)
class Seen:
    """One process of a container."""

    pid: int
    """As this machine counts."""
    tag: str
    """Its container's."""
    own_pid: int
    """As its own pid namespace counts."""
    name: str
    """As printable ASCII, other bytes as \\xNN."""
    ready: bool = False
    status: int | None = None
    """As waitpid gives it; None while it lives, and where nobody was left to wait for it."""
    ended_by_us: bool = False

    @property
    def killed(self) -> bool:
        """By the kernel: nobody else sends SIGKILL here."""
        return (
            self.status is not None
            and os.WIFSIGNALED(self.status)
            and os.WTERMSIG(self.status) == signal.SIGKILL
            and not self.ended_by_us
        )


@dataclass(slots=True)
class _State:
    seen: list[Seen] = field(default_factory=list)
    living: dict[int, Seen] = field(default_factory=dict)
    by_own_pid: dict[tuple[str, int], Seen] = field(default_factory=dict)
    ending: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


class Witness:
    """Listens from its making until `close()`."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._changed = threading.Condition()
        self._state = _State()
        self._shims: set[int] = set()
        self._thread = threading.Thread(target=self._listen, name="witness", daemon=True)
        self._thread.start()

    def expect_shim(self, pid: int) -> None:
        """This process waits outside its container: the pids that it tells are this machine's."""
        with self._changed:
            self._shims.add(pid)

    def all(self, tag: str | None = None) -> list[Seen]:
        """Processes in the order of their start."""
        with self._changed:
            return [seen for seen in self._state.seen if tag is None or seen.tag == tag]

    def killed(self, tags: set[str]) -> list[Seen]:
        """Those that the kernel killed in these containers."""
        with self._changed:
            return [seen for seen in self._state.seen if seen.tag in tags and seen.killed]

    def failures(self) -> list[str]:
        """Steps that failed in a container."""
        with self._changed:
            return list(self._state.failures)

    def end(self, tag: str) -> None:
        """From now on this container's deaths are ours."""
        with self._changed:
            self._state.ending.add(tag)

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Until something that was told makes it true; False when the time is up."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def close(self) -> None:
        """Stop listening."""
        self._ours.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._ours.close()
        self.theirs.close()

    def _listen(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self._ours.recvmsg(512, 64)
            except OSError:
                return
            if not data:
                return
            sender = next((_CREDENTIALS.unpack(payload)[0] for _, kind, payload in ancillary if kind == socket.SCM_CREDENTIALS), 0)
            tag, _, text = data.decode("ascii", "replace").partition(" ")
            with self._changed:
                self._take(sender, tag, text)
                self._changed.notify_all()

    def _take(self, sender: int, tag: str, text: str) -> None:
        state, words = self._state, text.split(" ")
        if words[0] == "S":
            name = printable(bytes.fromhex(words[2]))
            seen = state.living.get(sender)
            if seen is not None and seen.tag == tag and seen.own_pid == int(words[1]):
                seen.name = name
                return
            seen = Seen(sender, tag, int(words[1]), name)
            state.seen.append(seen)
            state.living[sender] = state.by_own_pid[tag, seen.own_pid] = seen
        elif words[0] == "R" and sender in state.living:
            state.living[sender].ready = True
        elif words[0] == "W":
            pid = int(words[1])
            ended = state.living.get(pid) if sender in self._shims else state.by_own_pid.get((tag, pid))
            if ended is not None and ended.status is None:
                ended.status, ended.ended_by_us = int(words[2]), tag in state.ending
                state.living.pop(ended.pid, None)
        elif words[0] == "F":
            state.failures.append(f"{tag[:12]}: {os.strerror(int(words[1]))}: {' '.join(words[2:])}")
