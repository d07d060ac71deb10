"""`/proc/meminfo`: the node's memory. `MemAvailable:   24316068 kB`.

MemAvailable (kernel 3.14 on) is what can be had without swapping; MemFree is not. Source: fs/proc/meminfo.c.
"""

from __future__ import annotations

from dataclasses import dataclass

from oomsight_agent.kernel.numbers import find_kilobytes
from oomsight_agent.kernel.problem import Problem, problem


@dataclass(frozen=True, slots=True)
class MemInfo:
    """Bytes; None where the kernel does not have the line."""

    total_bytes: int | None = None
    available_bytes: int | None = None
    free_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_free_bytes: int | None = None


_KEYS = (b"\nMemTotal:", b"\nMemAvailable:", b"\nMemFree:", b"\nSwapTotal:", b"\nSwapFree:")


def parse_meminfo(data: bytes) -> MemInfo | Problem:
    """The five lines; a Problem when one makes no sense or MemTotal is missing."""
    text = b"\n" + data
    values: list[int | None] = []
    for needle in _KEYS:
        value = find_kilobytes(text, needle)
        if isinstance(value, Problem):
            return value
        values.append(value)
    if values[0] is None:
        return problem("a line such as 'MemTotal: 24684084 kB'", data)
    return MemInfo(*values)
