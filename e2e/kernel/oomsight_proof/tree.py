"""The harness' own part of the cgroup hierarchy: pods and containers as the kubelet's two drivers name them.

`<hierarchy>/oomsight-proof-<pid>-<start time>/kubepods/…`; on v1 the same folders once more in the cpuset hierarchy, because the
log names a trigger by its cpuset. Everything, processes included, is gone after `close()`; what a killed harness left is swept by
the next.
"""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from oomsight_proof.machine import Machine

_NAME = re.compile(r"oomsight-proof-(\d+)-(\d+)")
_REMOVAL_SECONDS = 30.0


class Driver(StrEnum):
    """How the kubelet names cgroups."""

    CGROUPFS = "cgroupfs"
    SYSTEMD = "systemd"


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes; None: not set."""

    max_bytes: int | None = None
    high_bytes: int | None = None
    swap_bytes: int = 0
    """What may be swapped beyond `max_bytes`."""


def write(path: str, value: str) -> None:
    """One write(2), as cgroup files want it."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def read(path: str) -> str:
    """A small kernel file."""
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


class Tree:
    """Make it, use it, close it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.name = f"oomsight-proof-{os.getpid()}-{_start_ticks(os.getpid())}"
        self._enabled: list[str] = []
        sweep(machine)
        if machine.cgroup_version == 2:
            self._hand_on("")
        self.make("")

    @property
    def root(self) -> str:
        """The path of our root as the log and the agent name it."""
        return f"/{self.name}"

    def make(self, path: str, limits: Limits | None = None, *, leaf: bool = False) -> str:
        """Make a cgroup below our root with all its parents, none of them a leaf; gives its path from the hierarchy's root."""
        full = self.root
        self._make_one(full, leaf=leaf and not path)
        parts = [part for part in path.split("/") if part]
        for index, part in enumerate(parts):
            full = f"{full}/{part}"
            self._make_one(full, leaf=leaf and index == len(parts) - 1)
        if limits is not None:
            self.limit(full, limits)
        return full

    def _make_one(self, path: str, *, leaf: bool) -> None:
        folder = self.folder(path)
        if os.path.isdir(folder):
            return
        os.mkdir(folder)
        if self._machine.cgroup_version == 2:
            if not leaf:
                self._hand_on(path)
            return
        if os.path.exists(f"{folder}/memory.use_hierarchy") and read(f"{folder}/memory.use_hierarchy").strip() == "0":
            write(f"{folder}/memory.use_hierarchy", "1")
        if self._machine.cpuset:
            cpuset = f"{self._machine.cpuset}{path}"
            os.mkdir(cpuset)
            for name in ("cpuset.cpus", "cpuset.mems"):
                write(f"{cpuset}/{name}", read(f"{os.path.dirname(cpuset)}/{name}"))

    def _hand_on(self, path: str) -> None:
        """v2: let children have memory and, for the log's `cpuset=`, cpuset files."""
        control = f"{self.folder(path)}/cgroup.subtree_control"
        have = read(control).split()
        for controller in ("memory", "cpuset") if self._machine.cpuset else ("memory",):
            if controller not in have:
                write(control, f"+{controller}")
                if not path:
                    self._enabled.append(controller)

    def limit(self, path: str, limits: Limits) -> None:
        """Set the limits of a cgroup that is there."""
        folder = self.folder(path)
        if self._machine.cgroup_version == 1:
            if limits.max_bytes is not None:
                write(f"{folder}/memory.limit_in_bytes", str(limits.max_bytes))
                if os.path.exists(f"{folder}/memory.memsw.limit_in_bytes"):
                    write(f"{folder}/memory.memsw.limit_in_bytes", str(limits.max_bytes + limits.swap_bytes))
            return
        if limits.max_bytes is not None:
            write(f"{folder}/memory.max", str(limits.max_bytes))
        if limits.high_bytes is not None:
            write(f"{folder}/memory.high", str(limits.high_bytes))
        if os.path.exists(f"{folder}/memory.swap.max"):
            write(f"{folder}/memory.swap.max", str(limits.swap_bytes))

    def folder(self, path: str) -> str:
        """Where a cgroup's files are."""
        return f"{self._machine.hierarchy}{path}"

    def procs_files(self, path: str) -> list[str]:
        """What a process writes 0 to, to be in this cgroup."""
        files = [f"{self.folder(path)}/cgroup.procs"]
        if self._machine.cgroup_version == 1 and self._machine.cpuset:
            files.append(f"{self._machine.cpuset}{path}/cgroup.procs")
        return files

    def set_oom_group(self, path: str) -> None:
        """v2: all processes of it die together."""
        write(f"{self.folder(path)}/memory.oom.group", "1")

    def remove(self, path: str) -> None:
        """Kill what runs in it and remove it with all below, at once where nothing runs any more."""
        deadline = time.monotonic() + _REMOVAL_SECONDS
        folders = [self.folder(path)]
        if self._machine.cgroup_version == 1 and self._machine.cpuset:
            folders.append(f"{self._machine.cpuset}{path}")
        while [folder for folder in folders if not _kill_and_remove(folder)]:
            if time.monotonic() > deadline:
                raise OSError(f"cgroup {path} cannot be removed within {_REMOVAL_SECONDS:g} s")
            time.sleep(0.01)

    def close(self) -> None:
        """Remove everything; twice is fine."""
        self.remove(self.root)
        for controller in self._enabled:
            with suppress(OSError):
                write(f"{self.folder('')}/cgroup.subtree_control", f"-{controller}")
        self._enabled.clear()


def pod_path(driver: Driver, uid: str) -> str:
    """Below our root; a Burstable pod."""
    if driver is Driver.CGROUPFS:
        return f"kubepods/burstable/pod{uid}"
    return f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid.replace('-', '_')}.slice"


def container_name(driver: Driver, container_id: str) -> str:
    """The container's folder in its pod's."""
    return container_id if driver is Driver.CGROUPFS else f"cri-containerd-{container_id}.scope"


def sweep(machine: Machine) -> None:
    """Remove the roots of harnesses that are gone."""
    for mount in {machine.hierarchy, machine.cpuset or machine.hierarchy}:
        for name in os.listdir(mount):
            match = _NAME.fullmatch(name)
            if match is None or _start_ticks(int(match[1])) == int(match[2]):
                continue
            deadline = time.monotonic() + _REMOVAL_SECONDS
            while not _kill_and_remove(f"{mount}/{name}") and time.monotonic() < deadline:
                time.sleep(0.01)


def _kill_and_remove(folder: str) -> bool:
    """One try, deepest first; True when nothing is left."""
    for place, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            os.rmdir(place)
            continue
        with suppress(OSError):
            for pid in read(f"{place}/cgroup.procs").split():
                if pid != "0":
                    os.kill(int(pid), signal.SIGKILL)
    return not os.path.isdir(folder)


def _start_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat: with it a reused pid is another process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
