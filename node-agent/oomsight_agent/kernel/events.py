"""`memory.events`, cgroup v2: how often limits were hit, and how many processes an OOM killer killed.

`/sys/fs/cgroup/…/memory.events`: lines `low 0`, `high 0`, `max 12`, `oom 1`, `oom_kill 1`. Kernel 4.5 on, oom_kill 4.13,
oom_group_kill 5.17. With descendants (unless mounted with memory_localevents), so a pod's counter outlives its containers.
Where memory.oom.group is set, the kernel kills its victim first and then everything in the group, the victim once more: one process
killed is `oom_kill 2`, `oom_group_kill 1`, three are `oom_kill 4` (seen on 6.1 and 6.12).

`memory.events.local`: the same keys, kernel 5.2 on, without descendants: its `oom` counts the OOMs of this cgroup's own limit.
Source: mm/memcontrol.c (__memory_events_show), mm/oom_kill.c (oom_kill_process, oom_kill_memcg_member).
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
    """Processes killed by any OOM killer, the node-wide one included; a group's first victim is counted once."""


def parse_events(data: bytes) -> MemoryEvents | Problem:
    """`memory.events`; a Problem when a line makes no sense or none is known."""
    text = b"\n" + data
    needles = (b"\nhigh ", b"\nmax ", b"\noom_kill ", b"\noom_group_kill ")
    high, limit, kills, group_kills = (find_number(text, needle) for needle in needles)
    for value in (high, limit, kills, group_kills):
        if isinstance(value, Problem):
            return value
    if high is None and limit is None and kills is None:
        return problem("lines such as 'max 0' and 'oom_kill 0'", data)
    assert not isinstance(high, Problem)
    assert not isinstance(limit, Problem)
    assert not isinstance(kills, Problem)
    assert not isinstance(group_kills, Problem)
    return MemoryEvents(high, limit, processes_killed(kills, group_kills))


def parse_ooms(data: bytes) -> int | Problem | None:
    """How often a limit led to an OOM, killed or not (`oom`); None where the kernel does not count it."""
    return find_number(b"\n" + data, b"\noom ")


def processes_killed(kills: int | None, group_kills: int | None) -> int | None:
    """`oom_kill` without the second count of each group's first victim.

    One that was gone before the kernel came to it again is counted once: then this is one too few, but never less than one a group.
    """
    if kills is None or not group_kills:
        return kills
    return max(kills - group_kills, min(kills, group_kills))
