"""What /proc says of one process, and the kernel's arithmetic of whom it would kill.

`/proc/PID/cgroup`: `4:memory:/kubepods/…` (v1), `0::/kubepods.slice/…` (v2), with ` (deleted)` behind when the cgroup is gone;
`/proc/PID/oom_score_adj`: `-998`; `/proc/PID/status`: `Name:\\tcat`, `RssAnon:\\t     112 kB` (kernel 4.5 on), VmSwap, VmPTE (all
page tables since 4.15), `NSpid:\\t4711\\t1` (4.1 on: its pid in each pid namespace, from this /proc's inwards; a last 1 is
the first process of its namespace), `State:\\tZ (zombie)`. A kernel thread and a zombie have no memory and so no Rss lines.

`/proc/PID/stat`: `4711 (cat) S 1 …`; field 24 is the resident pages as the OOM killer counts them (get_mm_rss). From 6.2 on that is
a counter to which each processor hands on 32 pages at a time (or twice the number of processors, where that is more). Recent
kernels (6.12.95 and 6.18, measured) add up for status what the processors have not handed on yet, but not for stat, nor for the
killer: on two processors the two differ by up to 100 pages, on many by more.

Sources: fs/proc/array.c, fs/proc/task_mmu.c, lib/percpu_counter.c, kernel/cgroup/cgroup.c (proc_cgroup_show), mm/oom_kill.c
(oom_badness).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from oomsight_agent.kernel.numbers import find_kilobytes
from oomsight_agent.kernel.problem import Problem, printable, problem

_MAX_NAME_BYTES: Final = 15
_MAX_NAMESPACES: Final = 33
"""MAX_PID_NS_LEVEL and the outermost one."""
_OOM_SCORE_ADJ_MIN: Final = -1000
_RESIDENT_FIELD: Final = 21
"""Counted from behind the name, which is field 2."""
_MOST_DIGITS: Final = 14
_DELETED: Final = b" (deleted)"
_ESCAPE: Final = re.compile(rb"\\(n|\\)")


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """Of /proc/PID/status."""

    name: str
    """At most 15 arbitrary bytes of a tenant's, escaped to printable ASCII."""
    rss_bytes: int | None = None
    """RssAnon + RssFile + RssShmem; None: no memory (kernel thread, zombie)."""
    swap_bytes: int | None = None
    page_tables_bytes: int | None = None
    namespace_pids: tuple[int, ...] = ()
    """Its pid in each pid namespace, outermost first; empty where the kernel does not tell."""
    dead: bool = False
    """A zombie: it had memory, and its number will soon be another's."""
    file_bytes: int | None = None
    """RssFile."""


def parse_cgroup_of_process(data: bytes, version: int) -> str | Problem | None:
    """Path of the process in the memory hierarchy; None when it is in none. Undecodable bytes are kept as surrogates."""
    for line in data.split(b"\n"):
        number, _, rest = line.partition(b":")
        controllers, colon, path = rest.partition(b":")
        if not colon:
            if line:
                return problem("lines such as '0::/path'", data)
            continue
        if (version == 2 and number == b"0" and not controllers) or (version == 1 and b"memory" in controllers.split(b",")):
            return path.removesuffix(_DELETED).decode("utf-8", "surrogateescape")
    return None


def parse_status(data: bytes) -> ProcessStatus | Problem:
    """Name and sizes; a Problem when the name is missing or a size makes no sense."""
    if not data.startswith(b"Name:\t"):
        return problem("a line such as 'Name:\\tcat'", data)
    end = data.find(b"\n")
    escaped = data[6:] if end < 0 else data[6:end]
    raw_name = _ESCAPE.sub(lambda match: b"\n" if match[1] == b"n" else b"\\", escaped)[:_MAX_NAME_BYTES]
    sizes: list[int | None] = []
    for needle in (b"\nRssAnon:", b"\nRssFile:", b"\nRssShmem:", b"\nVmSwap:", b"\nVmPTE:"):
        size = find_kilobytes(data, needle)
        if isinstance(size, Problem):
            return size
        sizes.append(size)
    anon, file, shmem, swap, page_tables = sizes
    rss = None if anon is None or file is None or shmem is None else anon + file + shmem
    dead = b"\nState:\tZ" in data or b"\nState:\tX" in data
    return ProcessStatus(printable(raw_name), rss, swap, page_tables, _namespace_pids(data), dead, file)


def parse_resident_pages(data: bytes) -> int | Problem:
    """Of /proc/PID/stat. The name in parentheses may hold anything, parentheses and spaces too: fields are counted from its end."""
    fields = data.rpartition(b")")[2].split()
    text = fields[_RESIDENT_FIELD] if len(fields) > _RESIDENT_FIELD else b""
    if not text.isdigit() or len(text) > _MOST_DIGITS:
        return problem("a line such as '4711 (cat) S 1 …' with the resident pages as field 24", data)
    return int(text)


def _namespace_pids(data: bytes) -> tuple[int, ...]:
    at = data.find(b"\nNSpid:")
    if at < 0:
        return ()
    words = data[at + 7 :].partition(b"\n")[0].split()[:_MAX_NAMESPACES]
    return tuple([int(word) for word in words]) if all(word.isdigit() and len(word) < 10 for word in words) else ()


def badness_points(status: ProcessStatus, oom_score_adj: int | None, total_pages: int | None, page_size_bytes: int) -> int | None:
    """oom_badness for a node-wide OOM, in pages: rss + swap + page tables + adj * (totalpages / 1000), in the kernel's integers.

    None: not eligible (adj -1000, or no memory), or something is unknown. `total_pages` is RAM and swap.
    """
    if oom_score_adj is None or total_pages is None or oom_score_adj <= _OOM_SCORE_ADJ_MIN:
        return None
    if status.rss_bytes is None or status.swap_bytes is None or status.page_tables_bytes is None:
        return None
    size_bytes = (status.rss_bytes, status.swap_bytes, status.page_tables_bytes)
    return sum(size // page_size_bytes for size in size_bytes) + oom_score_adj * (total_pages // 1000)
