"""Looks whether the node's files are where they should be, and says which mount is missing when they are not."""

from __future__ import annotations

import os
from dataclasses import dataclass

from oomsight_agent.kernel.problem import printable_text
from oomsight_agent.kernel.roots import Roots, find_memory_hierarchy


@dataclass(frozen=True, slots=True)
class Preflight:
    """`errors` make the agent useless, `warnings` make it poorer. One sentence each."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check(roots: Roots) -> Preflight:
    """Read each root once."""
    errors = [problem for problem in (_cgroup_problem(roots.cgroup_root), _proc_problem(roots.proc_root)) if problem]
    warnings = [problem for problem in (_names_problem(roots.container_log_dir),) if problem]
    return Preflight(tuple(errors), tuple(warnings))


def _cgroup_problem(path: str) -> str | None:
    try:
        os.listdir(path)
    except OSError as error:
        return (
            f"--cgroup-root {printable_text(path)}: {error.strerror}, expected the node's cgroup file system. "
            "In a pod: mount hostPath /sys/fs/cgroup read-only and pass its mount path"
        )
    if find_memory_hierarchy(path) is None:
        return (
            f"--cgroup-root {printable_text(path)}: found no memory controller, expected `memory` in cgroup.controllers "
            "(cgroup v2) or a directory `memory` with memory.usage_in_bytes (v1). Mounted is another directory, "
            "or the kernel was booted with cgroup_disable=memory"
        )
    return None


def _proc_problem(path: str) -> str | None:
    meminfo = f"{path}/meminfo"
    try:
        with open(meminfo, "rb") as file:
            first = file.read(9)
    except OSError as error:
        return (
            f"--proc-root {printable_text(path)}: meminfo cannot be read ({error.strerror}), expected the node's process "
            "file system. In a pod: mount hostPath /proc read-only, for example as /host/proc, and pass its mount path"
        )
    if first != b"MemTotal:":
        return f"--proc-root {printable_text(path)}: meminfo does not begin with MemTotal:, expected the node's process file system"
    return None


def _names_problem(path: str) -> str | None:
    try:
        os.listdir(path)
    except OSError as error:
        return (
            f"--container-log-dir {printable_text(path)}: {error.strerror}. Containers are told by their ids alone. "
            "In a pod: mount hostPath /var/log/containers read-only"
        )
    return None
