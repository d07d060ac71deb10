"""What the kernel itself says, read without any of the agent's code: the second ground truth.

The log's `Killed process` lines (always logged, whatever the rate limit leaves out) and vmstat `oom_kill`. With memory.oom.group
the kernel logs and counts the first victim twice, so the two agree with each other, and the log's set of pids with waitpid's.
"""

from __future__ import annotations

import os
import re
import select
import threading
import time
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass

_KILLED = re.compile(rb"(?:^|: )Killed process ([0-9]+) \(")
_CONTINUATION = b"c"


@dataclass(frozen=True, slots=True)
class Words:
    """What was said up to a moment."""

    vmstat_kills: int
    killed_pids: tuple[int, ...]
    """In order, a pid as often as it was logged."""
    records_lost: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What was said between two moments."""

    vmstat_kills: int
    logged: Counter[int]
    """How often each pid was logged as killed."""
    records_lost: int


def difference(before: Words, after: Words) -> Difference:
    """What came between."""
    return Difference(
        vmstat_kills=after.vmstat_kills - before.vmstat_kills,
        logged=Counter(after.killed_pids[len(before.killed_pids) :]),
        records_lost=after.records_lost - before.records_lost,
    )


def disagreement(said: Difference, ours: Set[int], all_of_ours: Set[int]) -> str | None:
    """Where the kernel and waitpid do not say the same; None where they do.

    `ours`: whom waitpid says the kernel killed; `all_of_ours`: every process of the harness. Others' kills on a shared machine are
    told apart by their pids.
    """
    if said.records_lost:
        return None if said.vmstat_kills >= len(ours) else f"vmstat counted {said.vmstat_kills}, waitpid {len(ours)}"
    logged = set(said.logged) & all_of_ours
    if logged != ours:
        return f"the log names {len(logged)} of ours, waitpid {len(ours)}: differing are {sorted(logged ^ ours)[:8]}"
    if said.vmstat_kills != said.logged.total():
        return f"vmstat counted {said.vmstat_kills} kills, the log names {said.logged.total()}"
    return None


def parse(record: bytes) -> int | None:
    """The pid that a record of /dev/kmsg says was killed; None for any other record and for any that user space wrote."""
    head, _, text = record.partition(b";")
    fields = head.split(b",")
    if len(fields) < 4 or not fields[0].isdigit() or int(fields[0]) >> 3 != 0:
        return None
    line = text.partition(b"\n")[0]
    match = _KILLED.search(line) if fields[3] != _CONTINUATION else None
    if match is None or b"invoked oom-killer" in line:
        return None
    if match.start() and not re.fullmatch(rb"(?:Memory cgroup out of memory|Out of memory[^:]*)", line[: match.start()]):
        return None
    return int(match[1])


class KernelWords:
    """Follows the log from its end on; without the right to read it, counts alone."""

    def __init__(self) -> None:
        self._killed: list[int] = []
        self._lost = 0
        self._last = 0.0
        self._lock = threading.Lock()
        self._stop_read, self._stop_write = os.pipe()
        self._log = -1
        try:
            self._log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._log, 0, os.SEEK_END)
        except OSError:
            self.readable = False
        else:
            self.readable = True
        self._thread = threading.Thread(target=self._follow, name="kernel-words", daemon=True)
        self._thread.start()

    def now(self) -> Words:
        """What was said until now."""
        time.sleep(0.2)  # the reader is another thread
        with self._lock:
            return Words(vmstat_kills(), tuple(self._killed), self._lost)

    def wait_for_headers(self) -> None:
        """Until the kernel's rate limit (10 headers in 5 s) has none of the last kills any more."""
        while (rest := self._last + 5.2 - time.monotonic()) > 0:
            time.sleep(rest)

    def close(self) -> None:
        """Stop following."""
        os.write(self._stop_write, b".")
        self._thread.join(5)
        for descriptor in (self._stop_read, self._stop_write, self._log):
            if descriptor >= 0:
                os.close(descriptor)

    def _follow(self) -> None:
        if self._log < 0:
            return
        poll = select.poll()
        poll.register(self._log, select.POLLIN | select.POLLERR)
        poll.register(self._stop_read, select.POLLIN)
        while all(descriptor != self._stop_read for descriptor, _ in poll.poll()):
            while self._read_one():
                pass

    def _read_one(self) -> bool:
        try:
            record = os.read(self._log, 16384)
        except BlockingIOError:
            return False
        except BrokenPipeError:
            with self._lock:
                self._lost += 1
            return True
        except OSError:
            return False
        pid = parse(record)
        if pid is not None:
            with self._lock:
                self._killed.append(pid)
                self._last = time.monotonic()
        return True


def vmstat_kills() -> int:
    """Processes that any OOM killed since boot (4.13 on)."""
    with open("/proc/vmstat", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
