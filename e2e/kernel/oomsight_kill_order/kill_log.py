"""What the kernel's log says between two moments: who was killed, in which order, and what the kernel counted of each process.

The order is read without any of the agent's code (`kernel_words.parse`). The table of tasks, whose numbers are compared with those
that /proc gave at the prediction, is parsed by the agent's parser.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from oomsight_agent.kernel.kmsg_record import KmsgRecord, parse_record
from oomsight_agent.kernel.oom_log.assembler import OomLog
from oomsight_agent.kernel.oom_log.model import LogOom, LogTask
from oomsight_api.report import Process
from oomsight_proof import kernel_words


@dataclass(frozen=True, slots=True)
class Logged:
    """What was read."""

    killed_pids: tuple[int, ...] = ()
    """In order, each once."""
    ooms: tuple[LogOom, ...] = ()
    usecs: tuple[int, ...] = ()
    """When each was logged, as the log counts."""
    lost_records: bool = False

    def first_oom_of(self, pid: int) -> LogOom | None:
        """The OOM of which this process died."""
        return next((oom for oom in self.ooms if any(kill.pid == pid for kill in oom.kills)), None)


class KillLog:
    """Reads the log from where it was left."""

    def __init__(self) -> None:
        self._file = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.forget()

    def forget(self) -> None:
        """What was logged until now belongs to nobody."""
        os.lseek(self._file, 0, os.SEEK_END)

    def read(self) -> Logged:
        """All that came since."""
        killed: dict[int, int] = {}
        records: list[KmsgRecord] = []
        lost = False
        while True:
            try:
                raw = os.read(self._file, 16384)
            except BlockingIOError:
                break
            except BrokenPipeError:
                lost = True
                continue
            pid, record = kernel_words.parse(raw), parse_record(raw)
            if not isinstance(record, KmsgRecord):
                continue
            records.append(record)
            if pid is not None:
                killed.setdefault(pid, record.usec)
        ooms = OomLog(os.sysconf("SC_PAGE_SIZE")).feed(records)
        return Logged(tuple(killed), ooms, tuple(killed.values()), lost)

    def close(self) -> None:
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Difference:
    """By how many pages the killer's numbers of one process are above those of the prediction."""

    rss: int
    swap: int
    page_tables: int

    @property
    def total(self) -> int:
        return self.rss + self.swap + self.page_tables


def differences(tasks: Iterable[LogTask], processes: Iterable[Process], page_size_bytes: int) -> dict[int, Difference]:
    """By pid, of those that both know whole."""
    predicted = {process.pid: process for process in processes}
    found = {}
    for task in tasks:
        process = predicted.get(task.pid)
        if process is None:
            continue
        pairs = (
            (task.rss_bytes, process.rss_bytes),
            (task.swap_bytes, process.swap_bytes),
            (task.page_tables_bytes, process.page_tables_bytes),
        )
        pages = [None if a is None or b is None else a // page_size_bytes - b // page_size_bytes for a, b in pairs]
        rss, swap, tables = pages
        if rss is not None and swap is not None and tables is not None:
            found[task.pid] = Difference(rss, swap, tables)
    return found
