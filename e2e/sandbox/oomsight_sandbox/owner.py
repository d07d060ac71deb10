"""Names that tell whose something is: every cgroup, folder and file of a sandbox carries its owner's process in its name.

So a later start finds what a killed one (SIGKILL, power) left behind, and never touches what belongs to a living one:
`oomsight-sandbox-<pid namespace>-<pid>-<start time>-<number>`.
"""

from __future__ import annotations

import itertools
import os
import re

PREFIX = "oomsight-sandbox-"
_NAME = re.compile(r"oomsight-sandbox-(\d+)-(\d+)-(\d+)-(\d+)")
_numbers = itertools.count(1)


def new_name() -> str:
    """A name for one sandbox of this process, unique on this machine."""
    pid = os.getpid()
    return f"{PREFIX}{_pid_namespace()}-{pid}-{_start_ticks(pid)}-{next(_numbers)}"


def is_abandoned(name: str) -> bool:
    """True for a sandbox's name whose owner is gone. Another pid namespace's owner cannot be seen: never abandoned."""
    match = _NAME.fullmatch(name)
    if match is None or int(match[1]) != _pid_namespace():
        return False
    return _start_ticks(int(match[2])) != int(match[3])


def _pid_namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino


def _start_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat: with it a reused pid is no owner. None when there is no such process (or only its corpse)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
