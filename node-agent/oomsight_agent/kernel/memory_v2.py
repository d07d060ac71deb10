"""The memory controller of cgroup v2, `/sys/fs/cgroup/<cgroup>/`. The root has none of these files but memory.stat.

- `memory.current`: `255782912`; charge of the subtree. `memory.peak`: its highest since the cgroup was made, kernel 5.19 on; from
  6.12 on a write to an open descriptor resets it for that descriptor.
- `memory.events`: see events.py.  `memory.stat`: see memory_stat.py.
- `memory.max`, `memory.high`: `268435456`, or `max` for none.
- `memory.swap.current`: `4096`; `memory.swap.max`: `0`, or `max`. Absent without CONFIG_SWAP or with swapaccount=0.
- `memory.oom.group`: `1` when all processes of the cgroup die together, kernel 4.19 on.

Kernel 4.5 on. Sources: Documentation/admin-guide/cgroup-v2.rst, mm/memcontrol.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from msgspec import structs

from oomsight_agent.kernel.accounting import Charges
from oomsight_agent.kernel.events import MemoryEvents, parse_events
from oomsight_agent.kernel.memory_files import Counters, FileProblem, HotFile, MemoryFiles, ReadFile
from oomsight_agent.kernel.memory_stat import NOTHING_KNOWN, MemoryStat, parse_memory_stat_v2
from oomsight_agent.kernel.numbers import MAX, NoLimit, parse_limit_or_max, parse_number
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind

Limit: TypeAlias = int | Literal[NoLimit.MAX] | None
"""Bytes, no limit, or unknown."""

_CURRENT: Final = HotFile("memory.current", FileKind.MEMORY_USAGE)
_PEAK: Final = HotFile("memory.peak", FileKind.MEMORY_PEAK)
_EVENTS: Final = HotFile("memory.events", FileKind.MEMORY_EVENTS)


def parse_hot(contents: Sequence[bytes | None]) -> tuple[Counters, tuple[FileProblem, ...]]:
    """Counters from current, peak and events."""
    current, peak, events = contents
    problems: list[FileProblem] = []
    numbers: list[int | None] = []
    for file, data in ((_CURRENT, current), (_PEAK, peak)):
        number = None if data is None else parse_number(data)
        if isinstance(number, Problem):
            problems.append(FileProblem(file.kind, file.name, number))
            number = None
        numbers.append(number)
    counts = MemoryEvents() if events is None else parse_events(events)
    if isinstance(counts, Problem):
        problems.append(FileProblem(_EVENTS.kind, _EVENTS.name, counts))
        counts = MemoryEvents()
    return Counters(numbers[0], numbers[1], counts.limit_hits, counts.high_hits, counts.oom_kills), tuple(problems)


def read_charges(read: ReadFile, last: Charges | None) -> Charges:
    """The files that are read less often; those of settings again only with a new limit, or without `last`."""
    stat = read(FileKind.MEMORY_STAT, "memory.stat", parse_memory_stat_v2) or NOTHING_KNOWN
    limit: Limit = read(FileKind.MEMORY_LIMIT, "memory.max", parse_limit_or_max)
    now = Charges(
        stat=stat,
        limit_bytes=_bytes(limit),
        unlimited=None if limit is None else limit is MAX,
        kernel_bytes=kernel_charge(stat),
        kernel_unreclaimable_bytes=kernel_unreclaimable(stat),
        sock_bytes=stat.sock_bytes,
        swap_bytes=read(FileKind.MEMORY_SWAP, "memory.swap.current", parse_number),
    )
    if last is not None and (now.limit_bytes, now.unlimited) == (last.limit_bytes, last.unlimited):
        return structs.replace(
            now,
            high_bytes=last.high_bytes,
            swap_limit_bytes=last.swap_limit_bytes,
            swap_unlimited=last.swap_unlimited,
            oom_group=last.oom_group,
        )
    high: Limit = read(FileKind.MEMORY_LIMIT, "memory.high", parse_limit_or_max)
    swap: Limit = read(FileKind.MEMORY_SWAP, "memory.swap.max", parse_limit_or_max)
    group = read(FileKind.OOM_GROUP, "memory.oom.group", parse_number)
    return structs.replace(
        now,
        high_bytes=_bytes(high),
        swap_limit_bytes=_bytes(swap),
        swap_unlimited=None if swap is None else swap is MAX,
        oom_group=None if group is None else group == 1,
    )


def _bytes(limit: Limit) -> int | None:
    return limit if isinstance(limit, int) else None


def kernel_charge(stat: MemoryStat) -> int | None:
    """All kernel memory: the kernel's own sum, or before 5.18 that of its parts; None when there is none of them."""
    if stat.kernel_bytes is not None:
        return stat.kernel_bytes
    return _sum_of_known(stat.slab_bytes, stat.kernel_stack_bytes, stat.page_tables_bytes, stat.percpu_bytes)


def kernel_unreclaimable(stat: MemoryStat) -> int | None:
    """Kernel memory that reclaim cannot free: all of it less reclaimable slab, and socket buffers, which stand beside it."""
    kernel = kernel_charge(stat)
    if kernel is None:
        return _sum_of_known(stat.slab_unreclaimable_bytes, stat.sock_bytes)
    return max(0, kernel - (stat.slab_reclaimable_bytes or 0)) + (stat.sock_bytes or 0)


def _sum_of_known(*values: int | None) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


MEMORY_V2: Final = MemoryFiles(
    version=2,
    hot_files=(_CURRENT, _PEAK, _EVENTS),
    parse_hot=parse_hot,
    read_charges=read_charges,
    kinds=(FileKind.MEMORY_STAT, FileKind.MEMORY_LIMIT, FileKind.MEMORY_SWAP, FileKind.OOM_GROUP),
)
