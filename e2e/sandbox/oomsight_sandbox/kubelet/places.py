"""Where on this machine we may make memory cgroups: the hierarchy, our own place in it, and the folders to try.

Pure parsers of /proc/self/mountinfo and /proc/self/cgroup; the driver in `cgroups.py` tries the places they lead to.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The mounted hierarchy that holds the memory controller, and this process's own folder in it."""

    version: int
    mount: str
    own: str

    @property
    def candidates(self) -> tuple[str, ...]:
        """Folders in which a base might be made, best first.

        v1: below ourselves, so that whoever started us keeps us in his tree; else the nearest parent that lets us. v2: a folder
        with processes may not hand memory on to children, so parents come first, and our own, which we would have to empty, last.
        """
        parents = []
        folder = self.own
        while folder != self.mount:
            folder = os.path.dirname(folder)
            parents.append(folder)
        return (self.own, *parents) if self.version == 1 else (*parents, self.own)


def _unescape(text: str) -> str:
    """mountinfo writes space, tab, newline and backslash as octal (show_mountinfo, fs/proc_namespace.c)."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def find_hierarchy(mountinfo: str, own_cgroup: str) -> Hierarchy | None:
    """The memory controller's hierarchy from the texts of /proc/self/mountinfo and /proc/self/cgroup; None without one.

    A v1 mount of the memory controller wins over a v2 mount: on hybrid hosts the v2 one has no memory controller.
    Example lines: `35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory` and `4:memory:/user.slice`.
    """
    mounts: dict[int, tuple[str, str]] = {}
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if not separator or len(fields) < 5 or not kinds:
            continue
        root_and_mount = (_unescape(fields[3]), _unescape(fields[4]))
        if kinds[0] == "cgroup" and "memory" in kinds[-1].split(","):
            mounts.setdefault(1, root_and_mount)
        elif kinds[0] == "cgroup2":
            mounts.setdefault(2, root_and_mount)
    paths: dict[int, str] = {}
    for line in own_cgroup.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            paths[1] = path
        elif number == "0" and not controllers:
            paths[2] = path
    for version in (1, 2):
        if version in mounts:
            root, mount = mounts[version]
            return Hierarchy(version, mount, _folder(root, mount, paths.get(version, "/")))
    return None


def _folder(root: str, mount: str, path: str) -> str:
    """The folder of a cgroup path below a mount whose root may be a part of the hierarchy (a container's bind mount)."""
    if root != "/" and path.startswith(root + "/"):
        path = path[len(root) :]
    elif (root != "/" and path == root) or ".." in path.split("/"):
        path = "/"
    folder = os.path.join(mount, path.strip("/")).rstrip("/")
    return folder if os.path.isdir(folder) else mount
