"""The table of tasks that the kernel chose from, by its header: columns came and went.

    [  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name
    [  13086]     0 13086     4683     2399     2048      351         0    61440        0             0 vlong

Values are pages, but for pgtables_bytes (4.15 on; nr_ptes and nr_pmds before). rss_anon, rss_file and rss_shmem came with 6.8.
Source: mm/oom_kill.c (dump_tasks).
"""

from __future__ import annotations

import heapq
import re
from typing import Final

from oomsight_agent.kernel.oom_log.model import LogTask
from oomsight_agent.kernel.oom_log.units import bounded, bounded_name

BIGGEST: Final = 10
MOST_PIDS: Final = 65_536
_HEADER: Final = re.compile(rb"\[ *pid *\] +([a-z_ ]+ name)\Z")


class TaskTable:
    """Takes header and rows; keeps the biggest, and every pid (a group's members are among them)."""

    __slots__ = ("_biggest", "_columns", "_page", "_row", "_rows", "pids")

    def __init__(self, page_size_bytes: int) -> None:
        self._page = page_size_bytes
        self._row: re.Pattern[bytes] | None = None
        self._columns: list[str] = []
        self._rows = 0
        self._biggest: list[tuple[int, int, bytes, dict[str, int]]] = []
        self.pids: set[int] = set()

    def take(self, text: bytes) -> None:
        """One line that begins with a bracket."""
        if self._row is None:
            self._take_header(text)
            return
        match = self._row.match(text)
        if match is None:
            return
        *numbers, name = match.groups()
        pid = int(numbers[0])
        values = dict(zip(self._columns, map(int, numbers[1:]), strict=True))
        if len(self.pids) < MOST_PIDS:
            self.pids.add(pid)
        self._rows += 1  # of equal ones the first stays; no two entries are equal
        entry = (values.get("rss", 0) + values.get("swapents", 0), -self._rows, name, values | {"pid": pid})
        if len(self._biggest) < BIGGEST:
            heapq.heappush(self._biggest, entry)
        elif entry[0] > self._biggest[0][0]:
            heapq.heapreplace(self._biggest, entry)

    def _take_header(self, text: bytes) -> None:
        match = _HEADER.match(text)
        if match is None:
            return
        self._columns = match[1].decode("ascii").split()[:-1]
        if len(self._columns) > 16 or len(set(self._columns)) != len(self._columns):
            self._columns = []
            return
        self._row = re.compile(rb"\[ *(\d{1,10})\]" + rb" +(-?\d{1,18})" * len(self._columns) + rb" (.*)\Z", re.DOTALL)

    def biggest(self) -> tuple[LogTask, ...]:
        """By resident and swapped memory, biggest first."""
        return tuple(
            self._task(name, values) for _, _, name, values in sorted(self._biggest, key=lambda entry: entry[:2], reverse=True)
        )

    def _task(self, name: bytes, values: dict[str, int]) -> LogTask:
        adj = values.get("oom_score_adj")
        tables = values.get("pgtables_bytes")
        if tables is None and "nr_ptes" in values:
            tables = (values["nr_ptes"] + values.get("nr_pmds", 0)) * self._page
        return LogTask(
            pid=values["pid"],
            name=bounded_name(name),
            uid=_bounded_or_none(values.get("uid")),
            total_vm_bytes=self._pages(values.get("total_vm")),
            rss_bytes=self._pages(values.get("rss")),
            swap_bytes=self._pages(values.get("swapents")),
            page_tables_bytes=_bounded_or_none(tables),
            oom_score_adj=adj if adj is not None and -1000 <= adj <= 1000 else None,
        )

    def _pages(self, count: int | None) -> int | None:
        return None if count is None else bounded(count * self._page)


def _bounded_or_none(value: int | None) -> int | None:
    return None if value is None else bounded(value)
