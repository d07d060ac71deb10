"""A driver for real memory cgroups, v1 and v2, laid out as the kubelet's cgroupfs driver does.

`<base>/kubepods/[burstable|besteffort/]pod<uid>/<64 hex>`; the base is a folder of ours named after its owner (`owner.py`), made
where this machine lets us. Everything in it, processes included, is gone after `close()`; a base whose owner died is removed by
`sweep()`.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from contextlib import suppress

from oomsight_sandbox.kubelet.places import Hierarchy, find_hierarchy
from oomsight_sandbox.owner import PREFIX, is_abandoned, new_name

PROBE_LIMIT_BYTES = 32 * 1024 * 1024
MINIMUM_ROOM_BYTES = 768 * 1024 * 1024
"""What the demo's pods may use together, and some: a place whose own limit leaves less is not taken."""
REMOVAL_SECONDS = 10.0
_EXIT_POLL_SECONDS = 0.005


class CgroupsUnavailableError(Exception):
    """Memory cgroups cannot be made here; the message says why, place by place."""


class CgroupRemovalError(Exception):
    """A cgroup could not be removed in time; the message names it and the processes still in it."""


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _write(path: str, value: str) -> None:
    """One write(2), as cgroup files want it; not buffered, so that an error comes out here."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _write_if_present(path: str, value: str) -> None:
    if os.path.exists(path):
        with suppress(OSError):
            _write(path, value)


def _keys(path: str) -> dict[str, int]:
    """A flat-keyed file such as memory.events: `oom_kill 1` lines."""
    fields = (line.split() for line in _read(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in fields if len(pair) == 2 and pair[1].isdigit()}


def current_hierarchy() -> Hierarchy | None:
    """This machine's memory hierarchy."""
    return find_hierarchy(_read("/proc/self/mountinfo"), _read("/proc/self/cgroup"))


def can_make_cgroups() -> str | None:
    """None when a real memory cgroup can be made here, limited, entered by a process and removed; else the reason why not."""
    try:
        Cgroups.open().close()
    except CgroupsUnavailableError as error:
        return str(error)
    return None


class Cgroups:
    """One sandbox's part of the memory hierarchy. Make it with `open()`."""

    def __init__(self, hierarchy: Hierarchy, base: str) -> None:
        self.version = hierarchy.version
        self.mount = hierarchy.mount
        self.base = base
        self.kubepods = os.path.join(base, "kubepods")
        self._own = hierarchy.own
        self._emptied: str | None = None

    @classmethod
    def open(cls, name: str | None = None) -> Cgroups:
        """Make a base at the first place where one can be made and used. Raises CgroupsUnavailableError."""
        hierarchy = current_hierarchy()
        if hierarchy is None:
            raise CgroupsUnavailableError("no cgroup hierarchy with the memory controller is mounted")
        base_name = name or new_name()
        refusals = []
        for folder in hierarchy.candidates:
            cgroups = cls(hierarchy, os.path.join(folder, base_name))
            try:
                cgroups._make(folder)
                cgroups._probe()
            except (OSError, CgroupsUnavailableError) as error:
                refusals.append(f"{folder}: {error}")
                cgroups.close()
            else:
                return cgroups
        raise CgroupsUnavailableError("; ".join(refusals))

    def _make(self, folder: str) -> None:
        if (room := self._room_bytes(folder)) is not None and room < MINIMUM_ROOM_BYTES:
            raise CgroupsUnavailableError(f"its limit leaves {room >> 20} MiB, needed are {MINIMUM_ROOM_BYTES >> 20} MiB")
        if self.version == 2:
            self._hand_memory_on(folder)
        os.mkdir(self.base)
        if self.version == 2:
            self._hand_memory_on(self.base)
        else:
            self._use_hierarchy(self.base)
        self._make_folder(self.kubepods)

    def _room_bytes(self, folder: str) -> int | None:
        """What the limits at and above a folder leave; None without a limit."""
        rooms = []
        limit_file, usage_file = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes") if self.version == 1 else ("memory.max", "memory.current")
        )
        while True:
            with suppress(OSError, ValueError):
                limit = int(_read(os.path.join(folder, limit_file)))
                rooms.append(limit - int(_read(os.path.join(folder, usage_file))))
            if folder == self.mount or len(folder) <= len(self.mount):
                return min(rooms, default=None)
            folder = os.path.dirname(folder)

    @staticmethod
    def _use_hierarchy(folder: str) -> None:
        """Before Linux 5.11 a v1 limit did not hold for children without this."""
        _write_if_present(os.path.join(folder, "memory.use_hierarchy"), "1")

    def _hand_memory_on(self, folder: str) -> None:
        """Let children of a v2 folder have memory files. A folder with processes may not (EBUSY): our own is emptied for that."""
        if "memory" not in _read(os.path.join(folder, "cgroup.controllers")).split():
            raise CgroupsUnavailableError("the memory controller is not delegated to it")
        control = os.path.join(folder, "cgroup.subtree_control")
        if "memory" in _read(control).split():
            return
        try:
            _write(control, "+memory")
        except OSError as error:
            if error.errno != errno.EBUSY or folder != self._own:
                raise
            self._empty(folder)
            _write(control, "+memory")

    def _empty(self, folder: str) -> None:
        """Move the processes of our own folder into a leaf beside the base; `close()` moves them back."""
        leaf = f"{self.base}-rest"
        os.mkdir(leaf)
        self._emptied = leaf
        _move_all(folder, leaf)

    def _make_folder(self, path: str) -> None:
        with suppress(FileExistsError):
            os.mkdir(path)
        if self.version == 2:
            self._hand_memory_on(path)

    def _probe(self) -> None:
        """The whole use once: a limited cgroup, a process moved into it, removed again."""
        path = os.path.join(self.base, "probe")
        os.mkdir(path)
        self._set_limit(path, PROBE_LIMIT_BYTES)
        child = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)
        try:
            _write(os.path.join(path, "cgroup.procs"), str(child.pid))
        finally:
            child.kill()
            child.wait()
            self.remove(path)

    def _set_limit(self, path: str, limit_bytes: int) -> None:
        if self.version == 1:
            _write(os.path.join(path, "memory.limit_in_bytes"), str(limit_bytes))
            _write_if_present(os.path.join(path, "memory.memsw.limit_in_bytes"), str(limit_bytes))
        else:
            _write(os.path.join(path, "memory.max"), str(limit_bytes))
            _write_if_present(os.path.join(path, "memory.swap.max"), "0")

    def make_pod(self, uid: str, qos_class: str, limit_bytes: int | None) -> str:
        """A pod's cgroup; returns its folder."""
        parent = self.kubepods
        if qos_class != "Guaranteed":
            parent = os.path.join(parent, qos_class.lower())
            self._make_folder(parent)
        path = os.path.join(parent, f"pod{uid}")
        self._make_folder(path)
        if limit_bytes is not None:
            self._set_limit(path, limit_bytes)
        return path

    def make_container(self, pod: str, container_id: str, limit_bytes: int | None, *, oom_group: bool) -> str:
        """A container's cgroup in its pod's; returns its folder. `oom_group`: v2 only, all its processes die together."""
        path = os.path.join(pod, container_id)
        os.mkdir(path)
        if limit_bytes is not None:
            self._set_limit(path, limit_bytes)
        if self.version == 2:
            _write_if_present(os.path.join(path, "memory.oom.group"), "1" if oom_group else "0")
        return path

    def oom_kills(self, path: str) -> int:
        """Processes that an OOM killer killed in a cgroup since it was made; 0 when it is gone or the kernel does not count."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        try:
            return _keys(os.path.join(path, name)).get("oom_kill", 0)
        except OSError:
            return 0

    def remove(self, path: str, within_seconds: float = REMOVAL_SECONDS) -> None:
        """Kill what runs in a cgroup and below, and remove both; fine when it is gone already. Raises CgroupRemovalError."""
        deadline = time.monotonic() + within_seconds
        while not _kill_and_remove(path):
            if time.monotonic() > deadline:
                raise CgroupRemovalError(f"cgroup {path} is still there; processes in it: {_pids_below(path)}")
            time.sleep(_EXIT_POLL_SECONDS)

    def close(self) -> None:
        """Remove the base and all in it; also from a half-made state, and twice."""
        self.remove(self.base)
        if self._emptied:
            with suppress(OSError):
                _write(os.path.join(self._own, "cgroup.subtree_control"), "-memory")
            _move_all(self._emptied, self._own)
            self.remove_empty(self._emptied)
            self._emptied = None

    @staticmethod
    def remove_empty(path: str) -> None:
        with suppress(OSError):
            os.rmdir(path)


def _move_all(source: str, target: str) -> None:
    """Move every process; those that die meanwhile are no error."""
    for _ in range(100):
        pids = _read(os.path.join(source, "cgroup.procs")).split()
        if not pids:
            return
        for pid in pids:
            with suppress(ProcessLookupError):
                _write(os.path.join(target, "cgroup.procs"), pid)


def _pids_below(path: str) -> list[int]:
    pids: list[int] = []
    for folder, _, _ in os.walk(path):
        with suppress(OSError):
            pids.extend(int(pid) for pid in _read(os.path.join(folder, "cgroup.procs")).split())
    return pids


def _kill_and_remove(path: str) -> bool:
    """One try: SIGKILL everything, remove deepest first. True when nothing is left."""
    with suppress(OSError):
        _write(os.path.join(path, "cgroup.kill"), "1")
    for pid in _pids_below(path):
        if pid > 0:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    for folder, _, _ in os.walk(path, topdown=False):
        with suppress(OSError):
            os.rmdir(folder)
    return not os.path.isdir(path)


def sweep(mount: str | None = None) -> list[str]:
    """Remove the bases whose owner is gone, processes included; returns the folders removed."""
    if mount is None:
        hierarchy = current_hierarchy()
        if hierarchy is None:
            return []
        mount = hierarchy.mount
    removed = []
    for folder, subfolders, _ in os.walk(mount):
        for name in [name for name in subfolders if name.startswith(PREFIX)]:
            subfolders.remove(name)
            path = os.path.join(folder, name)
            owner, _, rest = name.partition("-rest")
            if not is_abandoned(owner) or rest:
                continue
            for _ in range(int(REMOVAL_SECONDS / _EXIT_POLL_SECONDS)):
                if _kill_and_remove(path):
                    removed.append(path)
                    break
                time.sleep(_EXIT_POLL_SECONDS)
            if os.path.isdir(f"{path}-rest"):
                with suppress(OSError):
                    _write(os.path.join(folder, "cgroup.subtree_control"), "-memory")
                with suppress(OSError):
                    _move_all(f"{path}-rest", folder)
                Cgroups.remove_empty(f"{path}-rest")
    return removed
