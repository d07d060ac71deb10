"""`Memory cgroup out of memory: Killed process 29090 (a) total-vm:49772kB, anon-rss:39680kB, file-rss:6724kB, shmem-rss:0kB, UID:0
pgtables:136kB oom_score_adj:100`: the one line that is believed.

The prefix came with 5.1 (before, `Kill process 12 (c) score 900 or sacrifice child` had it, and a child could die instead),
shmem-rss with 4.5, UID and what follows with 5.4. The name is at most 15 arbitrary bytes: the line is matched from its end.
Source: mm/oom_kill.c (__oom_kill_process).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from oomsight_agent.kernel.oom_log.model import LogKill
from oomsight_agent.kernel.oom_log.units import bounded_name, kilobytes

_KILLED: Final = re.compile(
    rb"(?:(Memory cgroup out of memory|Out of memory[^:]{0,64}): )?Killed process (\d{1,10}) \((.*)\)(?:, UID \d{1,10})?,? "
    rb"total-vm:(\d{1,15})kB, anon-rss:(\d{1,15})kB, file-rss:(\d{1,15})kB(?:, shmem-rss:(\d{1,15})kB)?"
    rb"(?:, UID:(\d{1,10}) pgtables:(\d{1,15})kB oom_score_adj:(-?\d{1,4}))?\Z",
    re.DOTALL,
)
_CHOSEN: Final = re.compile(rb"(Memory cgroup out of memory|Out of memory[^:]{0,64}): Kill process (\d{1,10}) \(", re.DOTALL)
_EXITING: Final = re.compile(rb"[^:]{1,80}: OOM victim (\d{1,10}) \(.*\) is already exiting\. Skip killing the task\Z", re.DOTALL)
_MEMORY_CGROUP: Final = b"Memory cgroup out of memory"


class Killed(NamedTuple):
    """A `Killed process` line."""

    is_global: bool | None
    """None: no prefix."""
    name: bytes
    kill: LogKill


def parse_killed(text: bytes, seq: int, usec: int) -> Killed | None:
    """None when it is no such line."""
    match = _KILLED.match(text)
    if match is None:
        return None
    prefix, pid, name, total, anon, file, shmem, uid, tables, adj = match.groups()
    oom_score_adj = int(adj) if adj is not None else None
    kill = LogKill(
        seq=seq,
        usec=usec,
        pid=int(pid),
        name=bounded_name(name),
        total_vm_bytes=kilobytes(total),
        anon_rss_bytes=kilobytes(anon),
        file_rss_bytes=kilobytes(file),
        shmem_rss_bytes=kilobytes(shmem) if shmem is not None else None,
        uid=int(uid) if uid is not None else None,
        page_tables_bytes=kilobytes(tables) if tables is not None else None,
        oom_score_adj=oom_score_adj if oom_score_adj is not None and -1000 <= oom_score_adj <= 1000 else None,
    )
    return Killed(None if prefix is None else prefix != _MEMORY_CGROUP, name, kill)


def parse_chosen(text: bytes) -> tuple[bool, int] | None:
    """Whether node-wide, and the pid, of `… Kill process 12 (c) score 900 or sacrifice child`, up to 5.0."""
    match = _CHOSEN.match(text)
    return None if match is None else (match[1] != _MEMORY_CGROUP, int(match[2]))


def parse_exiting(text: bytes) -> int | None:
    """The pid of `…: OOM victim 12 (c) is already exiting. Skip killing the task`."""
    match = _EXITING.match(text)
    return None if match is None else int(match[1])
