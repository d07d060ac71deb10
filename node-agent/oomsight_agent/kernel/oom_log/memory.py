r"""What the cgroup, or the node, was charged for at the kill: usage lines, the cgroup's statistics, Mem-Info.

    memory: usage 8192kB, limit 8192kB, failcnt 133
    memory+swap: usage 8192kB, limit 9007199254740988kB, failcnt 0        (v1; v2 has `swap: usage …`)
    kmem: usage 84kB, limit 9007199254740988kB, failcnt 0                 (v1)
    Memory cgroup stats for /a: cache:0KB rss:12KB …                      (up to 5.2: a line for each cgroup, without its children)
    Memory cgroup stats for /a:                                           (then one record of many lines, or one for each)
    anon 50212864
    Mem-Info:
    active_anon:7606 inactive_anon:159394 …                               (node-wide; pages)

Source: mm/memcontrol.c (mem_cgroup_print_oom_meminfo, memory_stat_format), mm/show_mem.c (show_free_areas).
"""

from __future__ import annotations

import re
from typing import Final

from oomsight_agent.kernel.oom_log.model import LogMemory
from oomsight_agent.kernel.oom_log.units import bounded, kilobytes

_USAGE: Final = re.compile(rb"(memory|memory\+swap|swap|kmem): usage (\d{1,18})kB, limit (\d{1,18})kB")
_OLD_STATISTIC: Final = re.compile(rb"(\w{1,32}):(\d{1,18})KB")
_PAGES: Final = re.compile(rb"(\w{1,32}):(\d{1,18})")
_WANTED: Final = frozenset(
    (
        b"anon", b"file", b"shmem", b"kernel", b"slab", b"kernel_stack", b"pagetables", b"percpu", b"sock",
        b"total_rss", b"total_cache", b"total_shmem", b"total_swap",
    )
)  # fmt: skip
_KERNEL_PARTS: Final = (b"slab", b"kernel_stack", b"pagetables", b"percpu", b"sock")


class MemoryLines:
    """Takes the lines of one dump."""

    __slots__ = ("_node", "_old", "_statistics", "_swap_free", "_swap_total", "_usage", "is_node", "ram_pages", "reserved_pages")

    def __init__(self) -> None:
        self._usage: dict[bytes, tuple[int | None, int | None]] = {}
        self._statistics: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}
        self._node: dict[bytes, int] = {}
        self._swap_free: int | None = None
        self._swap_total: int | None = None
        self.ram_pages: int | None = None
        self.reserved_pages: int | None = None
        self.is_node = False

    def usage(self, text: bytes) -> None:
        """`memory: usage …` and its like."""
        match = _USAGE.match(text)
        if match is not None:
            self._usage[match[1]] = (kilobytes(match[2]), kilobytes(match[3]))

    def statistic(self, text: bytes) -> None:
        """`anon 50212864`; other lines are none."""
        key, _, value = text.partition(b" ")
        if key in _WANTED and value.isdigit() and len(value) < 19:
            self._statistics[key] = int(value)

    def statistics(self, text: bytes) -> None:
        """Many of them in one record."""
        for line in text.split(b"\n"):
            self.statistic(line)

    def old_statistics(self, text: bytes) -> None:
        """`cache:0KB rss:12KB …` of one cgroup; its children follow with their own, so they add up."""
        for key, value in _OLD_STATISTIC.findall(text):
            if key in (b"cache", b"rss", b"shmem", b"swap"):
                self._old[key] = self._old.get(key, 0) + int(value) * 1024

    def mem_info(self, text: bytes) -> None:
        """Mem-Info's counts of the whole node."""
        self.is_node = True
        for key, value in _PAGES.findall(text):
            self._node.setdefault(key, int(value))

    def swap(self, text: bytes) -> None:
        """`Free swap  = 0kB`, `Total swap = 0kB`."""
        digits = text.rpartition(b"=")[2].strip().removesuffix(b"kB")
        if digits.isdigit() and len(digits) < 16:
            if text.startswith(b"Free"):
                self._swap_free = int(digits) * 1024
            else:
                self._swap_total = int(digits) * 1024

    def result(self, page_size_bytes: int) -> LogMemory | None:
        """None when the dump had nothing of it."""
        if self._node and not self._usage:  # of a cgroup's OOM, Mem-Info is that of a failed allocation elsewhere
            return self._of_node(page_size_bytes)
        if not (self._usage or self._statistics or self._old):
            return None
        usage, limit = self._usage.get(b"memory", (None, None))
        found = self._statistics
        swap = self._usage.get(b"swap", (None, None))[0]
        if swap is None:
            swap = _first(found, self._old, b"total_swap", b"swap")
        if swap is None and usage is not None:
            both = self._usage.get(b"memory+swap", (None, None))[0]
            swap = max(0, both - usage) if both is not None else None
        return LogMemory(
            usage_bytes=usage,
            limit_bytes=limit,
            swap_bytes=swap,
            anon_bytes=_first(found, self._old, b"total_rss", b"rss", b"anon"),
            file_bytes=_first(found, self._old, b"total_cache", b"cache", b"file"),
            shmem_bytes=_first(found, self._old, b"total_shmem", b"shmem", b"shmem"),
            kernel_bytes=self._kernel(),
        )

    def _kernel(self) -> int | None:
        found = self._statistics
        if b"kernel" in found:
            return bounded(found[b"kernel"])
        if b"kmem" in self._usage:
            return self._usage[b"kmem"][0]
        parts = [found[key] for key in _KERNEL_PARTS if key in found]
        return bounded(sum(parts)) if parts else None

    def _of_node(self, page: int) -> LogMemory:
        def pages(*keys: bytes, less: int = 0) -> int | None:
            values = [self._node[key] for key in keys if key in self._node]
            return bounded(max(0, sum(values) - less) * page) if values else None

        free, shmem = self._node.get(b"free"), self._node.get(b"shmem", 0)
        managed = self.ram_pages - (self.reserved_pages or 0) if self.ram_pages is not None else None
        used = bounded(max(0, managed - free) * page) if managed is not None and free is not None else None
        swap = max(0, self._swap_total - self._swap_free) if self._swap_total is not None and self._swap_free is not None else None
        return LogMemory(
            usage_bytes=used,
            swap_bytes=swap,
            # The lists of anonymous pages hold shmem as well.
            anon_bytes=pages(b"active_anon", b"inactive_anon", b"isolated_anon", less=shmem),
            file_bytes=pages(b"active_file", b"inactive_file", b"isolated_file", b"shmem"),
            shmem_bytes=pages(b"shmem"),
            kernel_bytes=pages(b"slab_reclaimable", b"slab_unreclaimable", b"pagetables", b"sec_pagetables"),
            free_bytes=pages(b"free"),
        )


def _first(new: dict[bytes, int], old: dict[bytes, int], v1: bytes, before: bytes, v2: bytes | None = None) -> int | None:
    for value in (new.get(v1), old.get(before), new.get(v2) if v2 is not None else None):
        if value is not None:
            return bounded(value)
    return None
