"""`memory.stat`: what a cgroup's charge consists of.

v1 `/sys/fs/cgroup/memory/…/memory.stat`: `total_rss 23355392`. Only the `total_` keys: a parent's `rss` is its own while its usage
is that of the whole subtree. Kernel 2.6.25 on; total_shmem 4.12, total_workingset_refault 4.20, split into _anon and _file 5.9.
v2 `/sys/fs/cgroup/…/memory.stat`: `anon 23355392`, always with descendants. Kernel 4.5 on; kernel_stack and slab 4.10,
percpu 5.9, pagetables 5.12, kernel 5.18. Source: mm/memcontrol-v1.c (memcg1_stat_format), mm/memcontrol.c (memcg_stat_format).
"""

from __future__ import annotations

from typing import Final

import msgspec

from oomsight_agent.kernel.numbers import find_number
from oomsight_agent.kernel.problem import Problem, problem


class MemoryStat(msgspec.Struct, frozen=True):
    """Bytes, but for the three counts of events. None: this kernel does not have it, or the line made no sense (see `problem`)."""

    anon_bytes: int | None = None
    file_bytes: int | None = None
    shmem_bytes: int | None = None
    active_file_bytes: int | None = None
    inactive_file_bytes: int | None = None
    swap_bytes: int | None = None
    file_refaults: int | None = None
    """Pages of file cache that were thrown out and needed again, since the cgroup was made."""
    anon_refaults: int | None = None
    """Pages of anonymous memory that were swapped out and needed again, since the cgroup was made."""
    major_faults: int | None = None
    kernel_bytes: int | None = None
    slab_bytes: int | None = None
    slab_reclaimable_bytes: int | None = None
    slab_unreclaimable_bytes: int | None = None
    page_tables_bytes: int | None = None
    kernel_stack_bytes: int | None = None
    percpu_bytes: int | None = None
    sock_bytes: int | None = None
    problem: Problem | None = None
    """The first line that made no sense, while others did."""


NOTHING_KNOWN: Final = MemoryStat()

_V1_KEYS: Final = (
    ("anon_bytes", b"\ntotal_rss "),
    ("file_bytes", b"\ntotal_cache "),
    ("shmem_bytes", b"\ntotal_shmem "),
    ("active_file_bytes", b"\ntotal_active_file "),
    ("inactive_file_bytes", b"\ntotal_inactive_file "),
    ("swap_bytes", b"\ntotal_swap "),
    ("file_refaults", b"\ntotal_workingset_refault_file "),
    ("anon_refaults", b"\ntotal_workingset_refault_anon "),
    ("major_faults", b"\ntotal_pgmajfault "),
)
_V1_OLD_REFAULTS: Final = b"\ntotal_workingset_refault "

_V2_KEYS: Final = (
    ("anon_bytes", b"\nanon "),
    ("file_bytes", b"\nfile "),
    ("shmem_bytes", b"\nshmem "),
    ("active_file_bytes", b"\nactive_file "),
    ("inactive_file_bytes", b"\ninactive_file "),
    ("file_refaults", b"\nworkingset_refault_file "),
    ("anon_refaults", b"\nworkingset_refault_anon "),
    ("major_faults", b"\npgmajfault "),
    ("kernel_bytes", b"\nkernel "),
    ("slab_bytes", b"\nslab "),
    ("slab_reclaimable_bytes", b"\nslab_reclaimable "),
    ("slab_unreclaimable_bytes", b"\nslab_unreclaimable "),
    ("page_tables_bytes", b"\npagetables "),
    ("kernel_stack_bytes", b"\nkernel_stack "),
    ("percpu_bytes", b"\npercpu "),
    ("sock_bytes", b"\nsock "),
)
_V2_OLD_REFAULTS: Final = b"\nworkingset_refault "


def parse_memory_stat_v1(data: bytes) -> MemoryStat | Problem:
    """The `total_` lines of a v1 memory.stat; a Problem when there is not one of them."""
    return _parse(data, _V1_KEYS, _V1_OLD_REFAULTS, "lines such as 'total_rss 4096'")


def parse_memory_stat_v2(data: bytes) -> MemoryStat | Problem:
    """The lines of a v2 memory.stat; a Problem when not one is known."""
    return _parse(data, _V2_KEYS, _V2_OLD_REFAULTS, "lines such as 'anon 4096'")


def _parse(data: bytes, keys: tuple[tuple[str, bytes], ...], old_refaults: bytes, expected: str) -> MemoryStat | Problem:
    text = b"\n" + data
    values: dict[str, int] = {}
    first_problem: Problem | None = None
    for name, needle in keys:
        number = find_number(text, needle)
        if number is None and name == "file_refaults":
            number = find_number(text, old_refaults)
        if isinstance(number, Problem):
            first_problem = first_problem or number
        elif number is not None:
            values[name] = number
    if not values:
        return first_problem or problem(expected, data)
    return MemoryStat(**values, problem=first_problem)
