"""The memory controller of cgroup v1, `/sys/fs/cgroup/memory/<cgroup>/`.

- `memory.usage_in_bytes`: `255782912`; charge of the subtree. `memory.max_usage_in_bytes`: its highest since the cgroup was made.
- `memory.failcnt`: `12`; times the limit was hit.  `memory.oom_control`: see oom_control.py.  `memory.stat`: see memory_stat.py.
- `memory.limit_in_bytes`: `268435456`; `9223372036854771712` (2^63 - 1, rounded down to a page) is no limit.
- `memory.memsw.limit_in_bytes`: memory and swap together; absent with swapaccount=0. Where it equals the other limit, as container
  runtimes set it without swap, it is charged first, so the hits are in `memory.memsw.failcnt` and `memory.failcnt` stays 0;
  6.18 counts them in neither (measured).
- `memory.kmem.usage_in_bytes`: `38637568`; kernel memory, charged to usage as well. `memory.kmem.tcp.usage_in_bytes`: socket
  buffers, on a counter of their own that the limit does not know. `memory.swappiness`: `60`.

Kernel 2.6.25 on. Sources: Documentation/admin-guide/cgroup-v1/memory.rst, mm/memcontrol-v1.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from oomsight_agent.kernel.accounting import Charges
from oomsight_agent.kernel.memory_files import Counters, FileProblem, HotFile, MemoryFiles, ReadFile
from oomsight_agent.kernel.memory_stat import NOTHING_KNOWN, parse_memory_stat_v1
from oomsight_agent.kernel.numbers import parse_limit, parse_number
from oomsight_agent.kernel.oom_control import parse_oom_kills
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind

UNLIMITED_FROM_BYTES: Final = 1 << 62
"""PAGE_COUNTER_MAX pages in bytes lie just below 2^63, whatever the page size; no machine has half of that."""

_HOT: Final = (
    HotFile("memory.usage_in_bytes", FileKind.MEMORY_USAGE),
    HotFile("memory.max_usage_in_bytes", FileKind.MEMORY_PEAK),
    HotFile("memory.failcnt", FileKind.MEMORY_EVENTS),
    HotFile("memory.oom_control", FileKind.MEMORY_EVENTS),
)


def parse_hot(contents: Sequence[bytes | None]) -> tuple[Counters, tuple[FileProblem, ...]]:
    """Counters from usage, peak, failcnt and oom_control."""
    values: list[int | None] = []
    problems: list[FileProblem] = []
    for file, data in zip(_HOT, contents, strict=True):
        value = None if data is None else parse_oom_kills(data) if file.name == "memory.oom_control" else parse_number(data)
        if isinstance(value, Problem):
            problems.append(FileProblem(file.kind, file.name, value))
            value = None
        values.append(value)
    usage, peak, limit_hits, oom_kills = values
    return Counters(usage, peak, limit_hits, None, oom_kills), tuple(problems)


def read_charges(read: ReadFile, last: Charges | None) -> Charges:
    """The files that are read less often; those of settings again only with a new limit, or without `last`."""
    stat = read(FileKind.MEMORY_STAT, "memory.stat", parse_memory_stat_v1) or NOTHING_KNOWN
    limit = read(FileKind.MEMORY_LIMIT, "memory.limit_in_bytes", parse_limit)
    kernel = read(FileKind.MEMORY_KERNEL, "memory.kmem.usage_in_bytes", parse_number)
    swap_limit_hits = read(FileKind.MEMORY_SWAP, "memory.memsw.failcnt", parse_number)
    limit_bytes = limit if limit is not None and limit < UNLIMITED_FROM_BYTES else None
    unlimited = None if limit is None else limit >= UNLIMITED_FROM_BYTES
    if last is not None and (limit_bytes, unlimited) == (last.limit_bytes, last.unlimited):
        return structs.replace(
            last,
            stat=stat,
            kernel_bytes=kernel,
            kernel_unreclaimable_bytes=kernel,
            swap_bytes=stat.swap_bytes,
            swap_limit_hits=swap_limit_hits,
        )
    sock = read(FileKind.MEMORY_KERNEL, "memory.kmem.tcp.usage_in_bytes", parse_number)
    memsw_limit = read(FileKind.MEMORY_SWAP, "memory.memsw.limit_in_bytes", parse_limit)
    return Charges(
        stat=stat,
        limit_bytes=limit_bytes,
        unlimited=unlimited,
        kernel_bytes=kernel,
        kernel_unreclaimable_bytes=kernel,
        sock_bytes=sock,
        swap_bytes=stat.swap_bytes,
        swap_limit_bytes=swap_limit(limit, memsw_limit),
        swap_unlimited=None if memsw_limit is None else memsw_limit >= UNLIMITED_FROM_BYTES,
        swap_limit_hits=swap_limit_hits,
        swappiness=read(FileKind.MEMORY_SWAP, "memory.swappiness", parse_number),
    )


def swap_limit(limit_bytes: int | None, memsw_limit_bytes: int | None) -> int | None:
    """What may be swapped when memory stands at its limit: v1 limits memory and swap together. None: unbounded or unknown."""
    if memsw_limit_bytes is None or memsw_limit_bytes >= UNLIMITED_FROM_BYTES:
        return None
    if limit_bytes is None or limit_bytes >= UNLIMITED_FROM_BYTES:
        return memsw_limit_bytes
    return max(0, memsw_limit_bytes - limit_bytes)


MEMORY_V1: Final = MemoryFiles(
    version=1,
    hot_files=_HOT,
    parse_hot=parse_hot,
    read_charges=read_charges,
    kinds=(FileKind.MEMORY_STAT, FileKind.MEMORY_LIMIT, FileKind.MEMORY_KERNEL, FileKind.MEMORY_SWAP),
)
