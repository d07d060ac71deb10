"""One cgroup for a whole cluster, in every hierarchy of the machine: what is started in it is found and ended through it.

Processes may leave their session and their parent, never their cgroup. cgroup v1 and v2; in v1 one directory in each hierarchy.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PREFIX = "oomsight-e2e-"
END_SECONDS = 20.0
V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A mounted cgroup hierarchy."""

    version: int
    mount_point: str
    options: str
    """What `mount -o` wants for the same hierarchy: its controllers, or `none,name=...`; empty for v2."""
    root: str
    """Which of its directories is mounted; `/` but in a container."""


def parse_hierarchies(mountinfo: str) -> tuple[Hierarchy, ...]:
    """From /proc/self/mountinfo. A v2 beside v1 hierarchies has no controllers and is left out (proc_pid_mountinfo(5))."""
    found: dict[str, Hierarchy] = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, kinds = left.split(), right.split()
        if len(fields) < 5 or len(kinds) < 3 or kinds[0] not in ("cgroup", "cgroup2"):
            continue
        version = 1 if kinds[0] == "cgroup" else 2
        wanted = [
            word
            for word in kinds[2].split(",")
            if (word not in ("rw", "ro", "xattr") and "=" not in word) or word.startswith("name=")
        ]
        options = ",".join(wanted) if version == 1 else ""
        if options.startswith("name="):
            options = f"none,{options}"
        found[options] = Hierarchy(version, fields[4], options, fields[3])
    with_controllers = [each for each in found.values() if each.version == 1]
    return tuple(with_controllers or found.values())


def machine_hierarchies() -> tuple[Hierarchy, ...]:
    return parse_hierarchies(Path("/proc/self/mountinfo").read_text())


@dataclass(frozen=True, slots=True)
class ClusterCgroup:
    """The cgroup of one cluster: its directory in each hierarchy."""

    name: str
    hierarchies: tuple[Hierarchy, ...]

    def directories(self) -> list[Path]:
        return [Path(hierarchy.mount_point) / self.name for hierarchy in self.hierarchies]

    def make(self) -> None:
        for hierarchy, directory in zip(self.hierarchies, self.directories(), strict=True):
            if hierarchy.version == 2:
                enable_controllers(directory.parent)
            directory.mkdir(exist_ok=True)
            if "cpuset" in hierarchy.options.split(","):
                for name in ("cpuset.cpus", "cpuset.mems"):  # v1: no process may join before they are set
                    (directory / name).write_text((directory.parent / name).read_text())

    def join(self) -> None:
        """Move the calling process, and with it whatever it starts."""
        for directory in self.directories():
            (directory / "cgroup.procs").write_text(str(os.getpid()))

    def end_and_remove(self) -> list[str]:
        """Kill everything in it and remove it. What could not be removed, as sentences."""
        deadline = time.monotonic() + END_SECONDS
        while (pids := self._processes()) and time.monotonic() < deadline:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
        left = [f"process {pid} of {self.name} does not end" for pid in self._processes()]
        while (stuck := self._remove_directories()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left + [f"{path}: {error}" for path, error in stuck]

    def _processes(self) -> set[int]:
        found: set[int] = set()
        for directory in self.directories():
            for each in _deepest_first(directory):
                try:
                    found.update(int(pid) for pid in (each / "cgroup.procs").read_text().split())
                except OSError:
                    continue
        return found - {0}

    def _remove_directories(self) -> list[tuple[Path, str]]:
        stuck = []
        for directory in self.directories():
            for each in _deepest_first(directory):
                try:
                    each.rmdir()
                except FileNotFoundError:
                    pass
                except OSError as error:
                    stuck.append((each, str(error.strerror)))
        return stuck


def enable_controllers(directory: Path, controllers: Iterable[str] = V2_CONTROLLERS) -> None:
    """v2: let the children of `directory` have what it has itself."""
    offered = (directory / "cgroup.controllers").read_text().split()
    for name in controllers:
        if name in offered:
            (directory / "cgroup.subtree_control").write_text(f"+{name}")


def _deepest_first(directory: Path) -> Iterator[Path]:
    if not directory.is_dir():
        return
    for parent, _, _ in os.walk(directory, topdown=False):
        yield Path(parent)
