"""`memory.oom_control`, cgroup v1: how many processes of this cgroup an OOM killer killed.

`/sys/fs/cgroup/memory/…/memory.oom_control`: lines `oom_kill_disable 0`, `under_oom 0`, `oom_kill 3`; the last one from kernel
4.13 on. Local: a kill is counted where the victim was, in no ancestor, and is lost with that cgroup.
Source: mm/memcontrol-v1.c (mem_cgroup_oom_control_read).
"""

from __future__ import annotations

from oomsight_agent.kernel.numbers import find_number
from oomsight_agent.kernel.problem import Problem, problem


def parse_oom_kills(data: bytes) -> int | Problem | None:
    """The count of kills; None before kernel 4.13; a Problem when the file is no oom_control."""
    text = b"\n" + data
    if b"\noom_kill_disable " not in text:
        return problem("lines such as 'oom_kill_disable 0'", data)
    return find_number(text, b"\noom_kill ")
