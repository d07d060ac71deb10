"""A cgroup of ours on this machine's own kernel, with processes that take as much memory as they are told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from oomsight_agent.kernel.roots import Hierarchy, Roots, find_memory_hierarchy
from oomsight_agent.sampler import Sampler
from oomsight_api.report import Container, NodeReport

MI = 1024 * 1024
UID = str(uuid.uuid4())
DONE_SECONDS = 60.0
"""An emulated machine under load takes half a minute for what takes half a second here."""
ID = uuid.uuid4().hex * 2

CHILD = """
import os, sys
open(sys.argv[1], "w").write(str(os.getpid()))
held = []
print("in", flush=True)
for line in sys.stdin:
    if line.startswith("hold"):
        held.append(b"x" * (int(line.split()[1]) << 20))
    else:
        held.clear()
    print("done", flush=True)
"""


class Place:
    """A container's cgroup in a subtree of ours, sampled as the only thing there is."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self.version = hierarchy.version
        self.hierarchy = hierarchy.path
        self.base = f"{hierarchy.path}/oomsight-test-{os.getpid()}"
        self.pod = f"{self.base}/kubepods/pod{UID}"
        self.container = f"{self.pod}/{ID}"
        self._siblings: list[str] = []
        self.sampler: Sampler | None = None
        self.children: list[subprocess.Popen[str]] = []

    def make(self, limit_bytes: int) -> None:
        parts = [self.base, f"{self.base}/kubepods", self.pod, self.container]
        for parent, part in zip([os.path.dirname(self.base), *parts], parts, strict=False):
            if self.version == 2:
                Path(parent, "cgroup.subtree_control").write_text("+memory")
            os.mkdir(part)
        self._limit(self.container, limit_bytes)
        self.sampler = self.new_sampler()

    def sibling(self, limit_bytes: int = 32 * MI) -> str:
        """A further cgroup, which is no pod's."""
        directory = f"{self.base}/service-{len(self._siblings)}"
        os.mkdir(directory)
        self._siblings.append(directory)
        self._limit(directory, limit_bytes)
        return directory

    def _limit(self, directory: str, limit_bytes: int) -> None:
        Path(directory, "memory.max" if self.version == 2 else "memory.limit_in_bytes").write_text(str(limit_bytes))
        for name in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
            if os.path.exists(f"{directory}/{name}"):
                Path(directory, name).write_text(str(limit_bytes) if "memsw" in name else "0")

    def resize(self, limit_bytes: int) -> None:
        """Give the container another limit, as an in-place resize does; on v1 that of memory and swap is never the lower one."""
        names = ["memory.max"] if self.version == 2 else ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
        files = [path for path in (Path(self.container, name) for name in names) if path.exists()]
        if int(files[0].read_text()) < limit_bytes:
            files.reverse()
        for file in files:
            file.write_text(str(limit_bytes))

    def new_sampler(self, *, notify: bool = False) -> Sampler:
        """Sampled from now on by this one, which knows nothing yet."""
        if self.sampler is not None:
            self.sampler.close()
        self.sampler = Sampler(Roots(cgroup_root=self.base), "this-machine", notify=notify)
        return self.sampler

    def start(self, directory: str | None = None) -> subprocess.Popen[str]:
        """A process in the container, or in another directory."""
        command = [sys.executable, "-S", "-c", CHILD, f"{directory or self.container}/cgroup.procs"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        assert _answer(child) == "in"
        return child

    def report(self) -> NodeReport:
        assert self.sampler is not None
        return self.sampler.sample(time.time(), time.monotonic())

    def row(self) -> Container:
        (row,) = self.report().containers
        return row

    def end_children(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()
            with suppress(BrokenPipeError):
                child.communicate()
        self.children.clear()

    def remove(self) -> None:
        self.end_children()
        if self.sampler is not None:
            self.sampler.close()
        for directory in (*self._siblings, self.container, self.pod, f"{self.base}/kubepods", self.base):
            remove_cgroup(directory)


def remove_cgroup(directory: str) -> None:
    """A cgroup is busy for a moment after its last process has ended."""
    deadline = time.monotonic() + 10
    while os.path.isdir(directory):
        try:
            os.rmdir(directory)
        except OSError:
            if time.monotonic() > deadline:
                raise


def _answer(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def tell(child: subprocess.Popen[str], command: str) -> str:
    """Its answer; empty when it died."""
    assert child.stdin is not None
    child.stdin.write(command + "\n")
    child.stdin.flush()
    return _answer(child)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DONE_SECONDS
    while not holds():
        assert time.monotonic() < deadline


@contextmanager
def real_place(limit_bytes: int = 48 * MI) -> Iterator[Place]:
    """Skips the test where this user may not make memory cgroups."""
    hierarchy = find_memory_hierarchy("/sys/fs/cgroup")
    if hierarchy is None:
        pytest.skip("no memory controller is mounted at /sys/fs/cgroup")
    made = Place(hierarchy)
    try:
        made.make(limit_bytes)
    except OSError as error:
        made.remove()
        pytest.skip(f"this user may not make memory cgroups: {error}")
    try:
        yield made
    finally:
        made.remove()
