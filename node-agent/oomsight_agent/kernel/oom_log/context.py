"""The line that says whose limit and whose process: `oom-kill:constraint=…` (5.0 on), `Task in X killed as …` before.

    oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=C,mems_allowed=0,oom_memcg=/A,task_memcg=/A/B,task=c,pid=13,uid=0
    Task in /A/B killed as a result of limit of /A

Nothing in it is quoted, and paths and names may hold every separator. So the end is taken off first, by the name and the pid that
the `Killed process` line gives, and of several places where the two paths could part it is the one that puts the victim below
the limit. A path begins with a slash, which no cpuset's name can hold.
Source: mm/oom_kill.c (dump_oom_victim), mm/memcontrol.c (mem_cgroup_print_oom_context).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_HEAD: Final = re.compile(
    rb"oom-kill:constraint=[A-Z_]*,nodemask=(?:\(null\)|[0-9,-]*),cpuset=(/|[^/]*?),mems_allowed=[0-9,-]*,(oom_memcg=|global_oom,task_memcg=)(?=/)",
    re.DOTALL,
)
_TAIL: Final = re.compile(rb",task=(.{0,15}),pid=(\d{1,10}),uid=(\d{1,10})\Z", re.DOTALL)
_OLD_HEAD: Final = b"Task in "
_OLD_PARTING: Final = b" killed as a result of limit of "
_PARTING: Final = b",task_memcg="


@dataclass(frozen=True, slots=True)
class Context:
    """Whose it was. None is not in the line."""

    is_global: bool
    limit_cgroup: bytes | None
    task_cgroup: bytes | None
    trigger_cpuset: bytes | None = None


def parse_context(line: bytes, pid: int, name: bytes) -> Context | None:
    """The context of the kill of `pid`; None when the line is of another kill, or makes no sense."""
    suffix = b",task=%s,pid=%d,uid=" % (name, pid)
    at = line.rfind(suffix)
    if at < 0 or not line[at + len(suffix) :].isdigit():
        tail = _TAIL.search(line)
        if tail is None or int(tail[2]) != pid:
            return None
        at = tail.start()  # renamed itself in between
    head = _HEAD.match(line[:at])
    if head is None:
        return None
    rest = line[head.end() : at]
    if head[2] != b"oom_memcg=":
        return Context(True, None, rest, head[1])
    limit, task = _part(rest)
    return Context(False, limit, task, head[1])


def context_pid(line: bytes) -> int | None:
    """The pid that an `oom-kill:` line names."""
    tail = _TAIL.search(line)
    return int(tail[2]) if tail is not None else None


def parse_old_context(line: bytes) -> Context | None:
    """`Task in X killed as a result of limit of Y`, up to 4.20; None when the line makes no sense."""
    if not line.startswith(_OLD_HEAD):
        return None
    paths = line.removeprefix(_OLD_HEAD)
    first = at = paths.find(_OLD_PARTING)
    if at < 0:
        return None
    while at >= 0:
        task, limit = paths[:at], paths[at + len(_OLD_PARTING) :]
        if _is_below(task, limit):
            return Context(False, limit, task)
        at = paths.find(_OLD_PARTING, at + 1)
    return Context(False, paths[first + len(_OLD_PARTING) :], paths[:first])


def _part(paths: bytes) -> tuple[bytes, bytes | None]:
    first = at = paths.find(_PARTING)
    if at < 0:
        return paths, None
    while at >= 0:
        limit, task = paths[:at], paths[at + len(_PARTING) :]
        if _is_below(task, limit):
            return limit, task
        at = paths.find(_PARTING, at + 1)
    return paths[:first], paths[first + len(_PARTING) :]


def _is_below(task: bytes, limit: bytes) -> bool:
    return task == limit or task.startswith(limit.rstrip(b"/") + b"/")
