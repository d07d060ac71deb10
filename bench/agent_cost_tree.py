"""A node of 110 pods with 3 containers each, for measuring: real cgroups with a real process in each if possible, else files.

The layout is the kubelet's with the cgroupfs driver. Everything is gone after `close()`; what a killed run left behind is swept.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import mmap
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

PODS = 110
CONTAINERS_PER_POD = 3
LIMIT_BYTES = 128 * 1024 * 1024
BUSY_EVERY = 3
"""One container in three takes and frees memory all the time: less than 2 % of its limit, as most containers do in a second."""
BUSY_BYTES = 512 * 1024
BUSY_SECONDS = 0.06
_PREFIX = "oomsight-bench-"
_PR_SET_PDEATHSIG = 1

_STAT_KEYS = """
anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped file_mapped file_dirty
file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon active_anon inactive_file active_file unevictable
slab_reclaimable slab_unreclaimable slab workingset_refault_anon workingset_refault_file workingset_activate_anon
workingset_activate_file workingset_restore_anon workingset_restore_file workingset_nodereclaim pgscan pgsteal pgfault
pgmajfault
"""
_FILES = {
    "memory.current": "73400320\n",
    "memory.max": f"{LIMIT_BYTES}\n",
    "memory.high": "max\n",
    "memory.peak": "83886080\n",
    "memory.events": "low 0\nhigh 0\nmax 3\noom 0\noom_kill 0\noom_group_kill 0\n",
    "memory.stat": "".join(f"{key} {index * 40960}\n" for index, key in enumerate(_STAT_KEYS.split())),
    "memory.swap.current": "0\n",
    "memory.swap.max": "max\n",
    "memory.oom.group": "0\n",
    "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    "cgroup.procs": "",
}


@dataclass
class Tree:
    """`cgroup_root` is what the agent is pointed at; `kind` says what it is made of."""

    cgroup_root: str
    kind: str
    processes: list[int] = field(default_factory=list)

    def close(self) -> None:
        """Remove the cgroups and processes, or the files."""
        for pid in self.processes:
            os.kill(pid, signal.SIGKILL)
        for pid in self.processes:
            os.waitpid(pid, 0)
        self.processes.clear()
        if self.kind == "files":
            shutil.rmtree(self.cgroup_root)
        else:
            _remove_cgroups(self.cgroup_root)


def make_tree() -> Tree:
    """Real cgroups, v2 or v1, else files in memory; says on standard error why not real ones."""
    for mount, version in (("/sys/fs/cgroup", 2), ("/sys/fs/cgroup/memory", 1)):
        probe = "cgroup.controllers" if version == 2 else "memory.usage_in_bytes"
        if os.path.exists(f"{mount}/{probe}"):
            _sweep(mount)
            tree = Tree(f"{mount}/{_PREFIX}{os.getpid()}", f"cgroup v{version}")
            try:
                _fill(tree, version)
            except OSError as error:
                print(f"no real cgroups ({error}); measuring files in memory", file=sys.stderr)
                if os.path.isdir(tree.cgroup_root):
                    tree.close()
                break
            return tree
    return _make_files()


def container_paths() -> list[str]:
    """Paths of all containers below the root."""
    return [
        f"kubepods/burstable/pod{pod:08x}-1111-4222-8333-444444444444/{hashlib.sha256(b'%d/%d' % (pod, number)).hexdigest()}"
        for pod in range(PODS)
        for number in range(CONTAINERS_PER_POD)
    ]


def _fill(tree: Tree, version: int) -> None:
    for path in container_paths():
        parent = tree.cgroup_root
        for part in ["", *path.split("/")]:
            parent = f"{parent}/{part}".rstrip("/")
            if not os.path.isdir(parent):
                os.mkdir(parent)
                if version == 2:
                    _write(f"{os.path.dirname(parent)}/cgroup.subtree_control", "+memory")
        limit = "memory.max" if version == 2 else "memory.limit_in_bytes"
        _write(f"{parent}/{limit}", str(LIMIT_BYTES))
        _write(f"{os.path.dirname(parent)}/{limit}", str(CONTAINERS_PER_POD * LIMIT_BYTES))
        busy = len(tree.processes) % BUSY_EVERY == 0
        tree.processes.append(_start_process(f"{parent}/cgroup.procs", busy=busy))


def _start_process(procs: str, *, busy: bool) -> int:
    """A process that enters the cgroup and sleeps, or takes and frees memory without end; it dies with its parent."""
    pid = os.fork()
    if pid:
        return pid
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _write(procs, str(os.getpid()))
        ones = b"1" * (BUSY_BYTES // mmap.PAGESIZE)
        while not busy:
            signal.pause()
        while True:
            with mmap.mmap(-1, BUSY_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as taken:
                taken[:: mmap.PAGESIZE] = ones
                time.sleep(BUSY_SECONDS)
            time.sleep(BUSY_SECONDS)
    finally:
        os._exit(1)


def _make_files() -> Tree:
    directory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = tempfile.mkdtemp(prefix=_PREFIX, dir=directory)
    Path(root, "cgroup.controllers").write_text("memory\n")
    folders = {str(parent) for path in container_paths() for parent in (Path(path), *Path(path).parents)}
    for folder in sorted(folders - {"."}):
        Path(root, folder).mkdir()
        for name, content in _FILES.items():
            Path(root, folder, name).write_text(content)
    return Tree(root, "files")


def _sweep(mount: str) -> None:
    for name in os.listdir(mount):
        owner = name.removeprefix(_PREFIX)
        if owner != name and owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            _remove_cgroups(f"{mount}/{name}")


def _remove_cgroups(root: str) -> None:
    deadline = time.monotonic() + 10
    for folder, _, _ in os.walk(root, topdown=False):
        while True:
            try:
                os.rmdir(folder)
                break
            except OSError as error:  # a killed process leaves its cgroup a moment after it was reaped
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
