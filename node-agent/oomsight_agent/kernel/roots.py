"""Where this node's files are, and which of the mounted hierarchies has the memory controller.

Layouts: v1 `/sys/fs/cgroup/memory` (also co-mounted, as `/sys/fs/cgroup/cpu,memory`); v2 `/sys/fs/cgroup` with `memory` in
`cgroup.controllers`; hybrid, where `/sys/fs/cgroup/unified` is v2 and the memory controller sits in one of the two. A root that
points straight at a memory hierarchy, or at a subtree of one, is taken as it is. Sources:
Documentation/admin-guide/cgroup-v1/memory.rst, Documentation/admin-guide/cgroup-v2.rst, systemd's docs/CGROUP_DELEGATION.md.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from oomsight_agent.kernel.files import read_file


@dataclass(frozen=True, slots=True)
class Roots:
    """Directories that the agent reads; other ones than the defaults in a container with host mounts, and in tests."""

    cgroup_root: str = "/sys/fs/cgroup"
    proc_root: str = "/proc"
    container_log_dir: str = "/var/log/containers"


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The hierarchy that accounts memory."""

    version: int
    """1 or 2."""
    path: str
    """Its root directory, without a slash at the end."""


def find_memory_hierarchy(cgroup_root: str) -> Hierarchy | None:
    """The memory hierarchy at or below `cgroup_root`; None where there is none (not a node, or the controller is disabled)."""
    root = cgroup_root.rstrip("/") or "/"
    if _is_v2_with_memory(root):
        return Hierarchy(2, root)
    if _is_v1_memory(root):
        return Hierarchy(1, root)
    for name in _v1_mounts(root):
        if _is_v1_memory(f"{root}/{name}"):
            return Hierarchy(1, f"{root}/{name}")
    unified = f"{root}/unified"
    if _is_v2_with_memory(unified):
        return Hierarchy(2, unified)
    return None


def _is_v2_with_memory(path: str) -> bool:
    try:
        controllers = read_file(f"{path}/cgroup.controllers")
    except OSError:
        return False
    return b"memory" in controllers.split()


def _is_v1_memory(path: str) -> bool:
    return os.path.exists(f"{path}/memory.usage_in_bytes") or os.path.exists(f"{path}/memory.limit_in_bytes")


def _v1_mounts(root: str) -> list[str]:
    """`memory` first, then co-mounts that name it."""
    try:
        names = os.listdir(root)
    except OSError:
        return []
    return sorted((name for name in names if "memory" in name.split(",")), key=lambda name: (name != "memory", name))
