"""From the path that /proc/PID/cgroup tells to the directory below the hierarchy's root as it is mounted here.

The kernel tells paths as seen from the reader's cgroup namespace. An agent in a container on v2 has one of its own: there its own
path is `/`, another container of its pod `/../<64 hex>`, and the kubelet `/../../../../system.slice/kubelet.service`. Where the
mount begins is told the same way, as the fourth field of `/proc/self/mountinfo`:

    431 420 0:27 /../../../.. /host/sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate

A node that is itself a container (kind) with the host's namespace has `/docker/<64 hex>` there. Sources: cgroup_namespaces(7),
kernel/cgroup/cgroup.c (cgroup_path_ns_locked, cgroup_show_path), Documentation/filesystems/proc.rst (mountinfo).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from oomsight_agent.kernel.files import LARGE_FILE_BYTES, read_file

_MOUNTINFO: Final = "/proc/self/mountinfo"
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")
_UP: Final = ".."


@dataclass(frozen=True, slots=True)
class CgroupView:
    """Where the mounted hierarchy begins, and where this process is in it."""

    root: str = ""
    """The hierarchy's root as /proc would tell it: empty, `/docker/…`, or `/../..`."""
    own: str | None = None
    """Path of this process' cgroup namespace below the hierarchy's root. None: not known, or not needed."""

    @property
    def depth(self) -> int:
        """How many levels this process' namespace begins below the hierarchy's root; 0 where it begins at the root or above."""
        parts = self.root.split("/")[1:]
        return len(parts) if set(parts) == {_UP} else 0

    def below_root(self, path: str) -> str | None:
        """`path` of /proc/PID/cgroup as a path below the hierarchy's root; None where it is outside, or cannot be told."""
        below: str | None
        if not self.root:
            below = path
        elif self.own is not None:
            below = _join(self.own, path)
        elif path == self.root:
            below = "/"
        else:
            below = path.removeprefix(self.root) if path.startswith(f"{self.root}/") else None
        return None if below is None or _UP in below.split("/") else below

    def find_own(self, base: str, paths: Iterable[str]) -> CgroupView:
        """The same with `own`, if that is one of `paths` and needed. From another pid namespace cgroup.procs tells a 0 for each
        process, but our own number for ourselves."""
        if self.own is not None or not self.depth:
            return self
        mine = b"%d" % os.getpid()
        for path in paths:
            if path.count("/") != self.depth:
                continue
            try:
                if mine in read_file(f"{base}{path}/cgroup.procs", LARGE_FILE_BYTES).split():
                    return replace(self, own=path)
            except OSError:
                continue
        return self


def cgroup_view(hierarchy_path: str) -> CgroupView:
    """The view of this process; of a directory that is on no mounted hierarchy (recorded files) that of the root."""
    try:
        mounts = read_file(_MOUNTINFO, LARGE_FILE_BYTES)
    except OSError:
        return CgroupView()
    return CgroupView(parse_root(mounts, os.path.realpath(hierarchy_path)) or "")


def parse_root(mountinfo: bytes, path: str) -> str | None:
    """`CgroupView.root` of the directory `path`; None when no cgroup file system is mounted there or above."""
    found: tuple[str, str] | None = None
    for line in mountinfo.splitlines():
        fields, dash, rest = line.partition(b" - ")
        words = fields.split(b" ")
        if not dash or len(words) < 6 or rest.split(b" ")[0] not in (b"cgroup", b"cgroup2"):
            continue
        root, point = (_unescape(word).rstrip("/") for word in words[3:5])
        inside = path == point or path.startswith(f"{point}/")
        if inside and (found is None or len(point) >= len(found[1])):  # of two at one place the later is on top
            found = (root, point)
    return None if found is None else found[0] + path[len(found[1]) :]


def _unescape(word: bytes) -> str:
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), word).decode("utf-8", "surrogateescape")


def _join(own: str, path: str) -> str | None:
    """`path`, which may begin with steps up, from `own`; None when it leads above the root."""
    at = own.split("/")[1:]
    parts = [part for part in path.split("/") if part]
    while parts and parts[0] == _UP:
        if not at:
            return None
        at.pop()
        parts.pop(0)
    return "/" + "/".join([*at, *parts])
