"""`memory.events`, cgroup v2: how often limits were hit, and how many processes an OOM killer killed.

`/sys/fs/cgroup/…/memory.events`: lines `low 0`, `high 0`, `max 12`, `oom 1`, `oom_kill 1`. Kernel 4.5 on, oom_kill 4.13,
oom_group_kill 5.17. With descendants (unless mounted with memory_localevents), so a pod's counter outlives its containers.
Source: mm/memcontrol.c (__memory_events_show).
"""

from __future__ import annotations

from dataclasses import dataclass

from oomsight_agent.kernel.numbers import find_number
from oomsight_agent.kernel.problem import Problem, problem


@dataclass(frozen=True, slots=True)
class MemoryEvents:
    """Counts since the cgroup was made; None where the kernel does not count it."""

    high_hits: int | None = None
    limit_hits: int | None = None
    oom_kills: int | None = None
    """Processes killed by any OOM killer, the node-wide one included."""


def parse_events(data: bytes) -> MemoryEvents | Problem:
    """`memory.events`; a Problem when a line makes no sense or none is known."""
    text = b"\n" + data
    high, limit, kills = (find_number(text, needle) for needle in (b"\nhigh ", b"\nmax ", b"\noom_kill "))
    for value in (high, limit, kills):
        if isinstance(value, Problem):
            return value
    if high is None and limit is None and kills is None:
        return problem("lines such as 'max 0' and 'oom_kill 0'", data)
    assert not isinstance(high, Problem)
    assert not isinstance(limit, Problem)
    assert not isinstance(kills, Problem)
    return MemoryEvents(high, limit, kills)
