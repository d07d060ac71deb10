"""One row for every memory cgroup of a machine, Kubernetes or not, for `top --all`: one look, no descriptors kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TypeVar

from msgspec import structs

from oomsight_agent.kernel.accounting import Charges, NodeSwap, account, swap_below, swap_room
from oomsight_agent.kernel.cgroup_view import CgroupView, cgroup_view
from oomsight_agent.kernel.discovery import MAX_DEPTH, MAX_DIRECTORIES, list_directories
from oomsight_agent.kernel.files import note_os_error, read_value
from oomsight_agent.kernel.memory_files import MemoryFiles
from oomsight_agent.kernel.numbers import parse_oom_score_adj
from oomsight_agent.kernel.problem import Problem, printable_text
from oomsight_agent.kernel.process import parse_cgroup_of_process
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.kernel.roots import Hierarchy
from oomsight_agent.sampler.one_look import read_cgroup
from oomsight_api.report import Memory

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class CgroupRow:
    """One memory cgroup, descendants included in every number."""

    cgroup: str
    """Below the root of the hierarchy, `/` for the root, escaped to printable ASCII."""
    memory: Memory
    oom_score_adj_min: int | None = None
    oom_score_adj_max: int | None = None
    process_count: int | None = None
    """None when /proc could not be read."""


def read_all_cgroups(
    hierarchy: Hierarchy, files: MemoryFiles, proc_root: str, node: NodeSwap, errors: ReadErrors
) -> tuple[CgroupRow, ...]:
    """Every cgroup that still is there when its turn comes, sorted by path."""
    paths = sorted(_walk(hierarchy.path, errors), reverse=True)  # children before their parents
    view = cgroup_view(hierarchy.path).find_own(hierarchy.path, paths)
    adjustments = _adjustments_by_cgroup(hierarchy.version, view, proc_root, errors)
    rows = []
    inside: dict[str, list[Charges]] = {}
    for path in paths:
        read = read_cgroup(f"{hierarchy.path}{path}", files, errors)
        if read is None:
            continue
        counters, charges = read
        below = inside.pop(path, None)
        # On v2 a cgroup with children has no processes of its own, but for the root; on v1 it may have.
        swap = node if below is None or not path or hierarchy.version == 1 else swap_below(below, node)
        memory = account(counters.usage_bytes, None, counters.peak_bytes, charges, swap)
        if path:
            inside.setdefault(path.rpartition("/")[0], []).append(_bounded(charges, swap))
        found = None if adjustments is None else adjustments.get(path, [])
        known = [value for value in found or () if value is not None]
        rows.append(
            CgroupRow(
                cgroup=printable_text(path) or "/",
                memory=memory,
                oom_score_adj_min=min(known, default=None),
                oom_score_adj_max=max(known, default=None),
                process_count=None if found is None else len(found),
            )
        )
    return tuple(reversed(rows))


def _bounded(charges: Charges, swap: NodeSwap) -> Charges:
    """What a cgroup lets its parent swap out: no more than what is below it may."""
    room = swap_room(charges.swap_bytes, charges.swap_limit_bytes, charges.swappiness, swap)
    return structs.replace(charges, swap_limit_bytes=(charges.swap_bytes or 0) + room)


def _walk(base: str, errors: ReadErrors) -> list[str]:
    paths, waiting = [""], [("", 0)]
    while waiting and len(paths) < MAX_DIRECTORIES:
        path, depth = waiting.pop()
        try:
            names = list_directories(f"{base}{path}")
        except OSError as error:
            note_os_error(errors, FileKind.CGROUP_DIRECTORY, f"{base}{path}", error)
            continue
        for name in names:
            paths.append(f"{path}/{name}")
            if depth < MAX_DEPTH:
                waiting.append((f"{path}/{name}", depth + 1))
    return paths[:MAX_DIRECTORIES]


def _adjustments_by_cgroup(
    version: int, view: CgroupView, proc_root: str, errors: ReadErrors
) -> dict[str, list[int | None]] | None:
    """oom_score_adj of every process, by its cgroup and each cgroup above; the root's key is empty."""

    def parse(data: bytes) -> str | Problem | None:
        return parse_cgroup_of_process(data, version)

    try:
        pids = [name for name in os.listdir(proc_root) if name.isascii() and name.isdigit()]
    except OSError as error:
        note_os_error(errors, FileKind.PROCESS_CGROUP, proc_root, error)
        return None
    found: dict[str, list[int | None]] = {}
    for pid in pids:
        path = read_value(errors, FileKind.PROCESS_CGROUP, parse, f"{proc_root}/{pid}/cgroup")
        path = None if path is None else view.below_root(path)
        if path is None:
            continue
        adjustment = read_value(errors, FileKind.PROCESS_OOM_SCORE_ADJ, parse_oom_score_adj, f"{proc_root}/{pid}/oom_score_adj")
        path = path.rstrip("/")
        found.setdefault(path, []).append(adjustment)
        while path:
            path = path.rpartition("/")[0]
            found.setdefault(path, []).append(adjustment)
    return found
