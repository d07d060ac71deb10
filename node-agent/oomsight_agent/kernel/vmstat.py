"""`/proc/vmstat`: the node's counters since boot. `oom_kill 3`.

pswpin and pswpout are pages read from and written to swap, pgmajfault faults that had to wait for a disk, oom_kill processes
killed by any OOM killer, in cgroups too (kernel 4.13 on), the first victim of a memory.oom.group twice (see events.py).
Source: mm/vmstat.c, include/linux/vm_event_item.h.
"""

from __future__ import annotations

from dataclasses import dataclass

from oomsight_agent.kernel.numbers import find_number
from oomsight_agent.kernel.problem import Problem, problem


@dataclass(frozen=True, slots=True)
class VmStat:
    """Counts since boot; None where the kernel does not count it."""

    swap_in_pages: int | None = None
    swap_out_pages: int | None = None
    major_faults: int | None = None
    oom_kills: int | None = None


_KEYS = (b"\npswpin ", b"\npswpout ", b"\npgmajfault ", b"\noom_kill ")


def parse_vmstat(data: bytes) -> VmStat | Problem:
    """The four counters; a Problem when one makes no sense or none is there."""
    text = b"\n" + data
    values: list[int | None] = []
    for needle in _KEYS:
        value = find_number(text, needle)
        if isinstance(value, Problem):
            return value
        values.append(value)
    return VmStat(*values) if any(value is not None for value in values) else problem("lines such as 'oom_kill 0'", data)
