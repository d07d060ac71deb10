"""The one folder on disk, and the one in /dev/shm, in which a sandbox keeps its files; removed with it, or swept by the next."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from oomsight_sandbox.owner import PREFIX, is_abandoned

SHARED_MEMORY = "/dev/shm"
_MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs", "devtmpfs", "rootfs")


@dataclass(frozen=True, slots=True)
class Workspace:
    """`directory` lies on a disk where there is one, since page cache is only page cache there; mode 0700."""

    name: str
    directory: str
    shared_memory_directory: str

    @property
    def kubeconfig(self) -> str:
        return self.file("kubeconfig")

    def file(self, name: str) -> str:
        return os.path.join(self.directory, name)


def file_system(path: str, mountinfo: str) -> str:
    """Kind of file system that holds a path, from the text of /proc/self/mountinfo; later mounts hide earlier ones."""
    found = (-1, "")
    real = os.path.realpath(path)
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or not kind:
            continue
        mount = fields[4].replace("\\040", " ")
        if (real == mount or real.startswith(mount.rstrip("/") + "/")) and len(mount) >= found[0]:
            found = (len(mount), kind[0])
    return found[1]


def candidate_parents() -> list[str]:
    """Writable folders for a workspace, best first: those on a disk before those in memory."""
    candidates = [os.environ.get("TMPDIR") or "/var/tmp", "/var/tmp", "/tmp", os.path.expanduser("~/.cache"), os.getcwd()]
    writable = [path for path in dict.fromkeys(candidates) if os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)]
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        mountinfo = file.read()
    return sorted(writable, key=lambda path: file_system(path, mountinfo) in _MEMORY_FILE_SYSTEMS)


@contextmanager
def workspace(name: str) -> Iterator[Workspace]:
    """Make it; remove it and everything in it at the end. Raises OSError when no folder can be written."""
    parents = candidate_parents()
    if not parents:
        raise OSError("no writable folder: set TMPDIR to one on a disk")
    made = Workspace(name, os.path.join(parents[0], name), os.path.join(SHARED_MEMORY, name))
    os.mkdir(made.directory, 0o700)
    try:
        with suppress(OSError):  # without /dev/shm only memory-backed volumes are missing
            os.mkdir(made.shared_memory_directory, 0o700)
        yield made
    finally:
        _remove(made.directory)
        _remove(made.shared_memory_directory)


def _remove(path: str) -> None:
    """A process that is just dying may still write into it: a few tries."""
    for _ in range(5):
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.exists(path):
            return


def sweep_workspaces() -> list[str]:
    """Remove the folders whose owner is gone; returns them."""
    removed = []
    for parent in (*candidate_parents(), SHARED_MEMORY):
        names = os.listdir(parent) if os.path.isdir(parent) else []
        for name in names:
            path = os.path.join(parent, name)
            if name.startswith(PREFIX) and is_abandoned(name) and os.stat(path, follow_symlinks=False).st_uid == os.getuid():
                _remove(path)
                removed.append(path)
    return removed
