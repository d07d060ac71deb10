"""Cgroups without a row of their own whose processes die together: `memory.oom.group` is `1` (v2, kernel 4.19 on).

Such lie inside containers (a container that runs containers, or systemd) and beside the pods: systemd sets it for a service with
OOMPolicy=kill. The kernel kills the highest one above the victim that is within what ran out of memory (mm/oom_kill.c,
mem_cgroup_get_oom_group), so every ancestor counts.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from oomsight_agent.kernel.files import read_value
from oomsight_agent.kernel.numbers import parse_number
from oomsight_agent.kernel.problem import printable_text
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.sampler.processes import MAX_CGROUP_LENGTH
from oomsight_api.report import MAX_OOM_GROUPS

MAX_READ: Final = 1024
"""A tenant may nest cgroups without end; beyond these nobody looks."""


def without_a_row(paths: Iterable[str], with_row: Container[str]) -> list[str]:
    """These cgroups and every ancestor up to the first that has a row, the root excluded; at most MAX_READ, sorted."""
    found: set[str] = set()
    for path in sorted(set(paths)):
        above = path
        while above and above not in found and above not in with_row and len(found) < MAX_READ:
            found.add(above)
            above = above.rpartition("/")[0]
    return sorted(found)


def read_oom_groups(base: str, paths: Iterable[str], with_row: Container[str], errors: ReadErrors) -> tuple[str, ...]:
    """Of the processes' cgroups `paths` and their ancestors without a row, those that die whole; at most MAX_OOM_GROUPS.

    In printable ASCII; one whose path is too long for that is left out, as it is of its processes.
    """
    groups = []
    for path in without_a_row(paths, with_row):
        group = read_value(errors, FileKind.OOM_GROUP, parse_number, f"{base}{path}/memory.oom.group")
        if group == 1:
            groups.append(printable_text(path))
    return tuple([text for text in groups if len(text) <= MAX_CGROUP_LENGTH][:MAX_OOM_GROUPS])
