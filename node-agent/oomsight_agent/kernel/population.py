"""Whether a cgroup still has processes, nested cgroups included.

v2 `cgroup.events`: lines `populated 1`, `frozen 0`; hierarchical. v1 `cgroup.procs`: a pid a line, of this cgroup alone, and only
of processes that the reader's pid namespace has a number for (pidlist_array_load): an agent in a pod reads an empty file of every
other pod's cgroup (6.18, measured), so an empty one says nothing. Processes that are dead and not yet reaped count in neither from
5.2 on. Sources: kernel/cgroup/cgroup.c (cgroup_events_show), kernel/cgroup/cgroup-v1.c.
"""

from __future__ import annotations

import os
from typing import Final

from oomsight_agent.kernel.files import ABSENT_ERRNOS, LARGE_FILE_BYTES, read_file
from oomsight_agent.kernel.numbers import find_number
from oomsight_agent.kernel.problem import Problem, problem

MAX_NESTED: Final = 256
"""Cgroups looked at in a container, v1."""


def parse_populated(data: bytes) -> bool | Problem:
    """`cgroup.events`; a Problem when it does not say."""
    value = find_number(b"\n" + data, b"\npopulated ")
    if isinstance(value, Problem):
        return value
    return problem("a line such as 'populated 1'", data) if value is None else value != 0


def has_processes(version: int, directory: str) -> bool | None:
    """Whether there are any; False when the cgroup is gone. None: it cannot be read, or v1 shows none to this pid namespace."""
    try:
        if version == 2:
            populated = parse_populated(read_file(f"{directory}/cgroup.events"))
            return None if isinstance(populated, Problem) else populated
        return _has_processes_v1(directory)
    except OSError as error:
        return False if error.errno in ABSENT_ERRNOS else None


def _has_processes_v1(directory: str) -> bool | None:
    os.stat(directory)
    for number, (path, _, _) in enumerate(os.walk(directory, onerror=_unless_gone)):
        if number >= MAX_NESTED:
            return None
        try:
            if read_file(f"{path}/cgroup.procs", LARGE_FILE_BYTES).strip():
                return True
        except OSError as error:
            _unless_gone(error)
    return None


def _unless_gone(error: OSError) -> None:
    if error.errno not in ABSENT_ERRNOS:
        raise error
