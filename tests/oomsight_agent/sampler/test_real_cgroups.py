"""The sampler against this machine's own kernel: a cgroup of ours, a process in it, and what really happens to it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from oomsight_agent.kernel.roots import Hierarchy, Roots, find_memory_hierarchy
from oomsight_agent.sampler import Sampler
from oomsight_api.report import Container, NodeReport

MI = 1024 * 1024
UID = str(uuid.uuid4())
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
        self.base = f"{hierarchy.path}/oomsight-test-{os.getpid()}"
        self.pod = f"{self.base}/kubepods/pod{UID}"
        self.container = f"{self.pod}/{ID}"
        self.sampler: Sampler | None = None
        self.children: list[subprocess.Popen[str]] = []

    def make(self, limit_bytes: int) -> None:
        parts = [self.base, f"{self.base}/kubepods", self.pod, self.container]
        for parent, part in zip([os.path.dirname(self.base), *parts], parts, strict=False):
            if self.version == 2:
                Path(parent, "cgroup.subtree_control").write_text("+memory")
            os.mkdir(part)
        Path(self.container, "memory.max" if self.version == 2 else "memory.limit_in_bytes").write_text(str(limit_bytes))
        for name in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
            if os.path.exists(f"{self.container}/{name}"):
                Path(self.container, name).write_text(str(limit_bytes) if "memsw" in name else "0")
        self.sampler = Sampler(Roots(cgroup_root=self.base), "this-machine")

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-S", "-c", CHILD, f"{self.container}/cgroup.procs"]
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
        for directory in (self.container, self.pod, f"{self.base}/kubepods", self.base):
            _remove_cgroup(directory)


def _remove_cgroup(directory: str) -> None:
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
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline


@pytest.fixture
def place() -> Iterator[Place]:
    hierarchy = find_memory_hierarchy("/sys/fs/cgroup")
    if hierarchy is None:
        pytest.skip("no memory controller is mounted at /sys/fs/cgroup")
    made = Place(hierarchy)
    try:
        made.make(limit_bytes=48 * MI)
    except OSError as error:
        made.remove()
        pytest.skip(f"this user may not make memory cgroups: {error}")
    yield made
    made.remove()


def test_usage_limit_and_process_are_what_the_kernel_was_told(place: Place) -> None:
    child = place.start()
    assert tell(child, "hold 20") == "done"
    row = place.row()
    memory = row.memory
    assert (row.pod_uid, row.container_id, memory.limit_bytes, memory.unlimited) == (UID, ID, 48 * MI, False)
    assert memory.usage_bytes is not None
    assert memory.unreclaimable_bytes is not None
    assert memory.anon_bytes is not None
    assert 20 * MI <= memory.anon_bytes <= memory.usage_bytes + MI
    assert 20 * MI <= memory.unreclaimable_bytes < 30 * MI
    assert memory.headroom_bytes == 48 * MI - memory.unreclaimable_bytes
    assert [process.pid for process in row.processes] == [child.pid]
    assert row.oom_score_adj_min == row.oom_score_adj_max == int(Path(f"/proc/{child.pid}/oom_score_adj").read_text())


def test_page_cache_fills_usage_but_takes_no_headroom(place: Place, tmp_path: Path) -> None:
    place.start()
    before = place.row().memory.headroom_bytes
    script = 'echo $$ > "$1/cgroup.procs" && head -c 20971520 /dev/zero > "$2" && cat "$2" > /dev/null'
    file = tmp_path / "cache"
    subprocess.run(["sh", "-c", script, "sh", place.container, str(file)], check=True)
    row = place.row()
    assert row.memory.usage_bytes is not None
    if row.memory.usage_bytes < 20 * MI:
        pytest.skip(f"the file system of {tmp_path} does not charge its page cache")
    assert before is not None
    assert row.memory.headroom_bytes is not None
    if row.memory.shmem_bytes is not None and row.memory.shmem_bytes >= 20 * MI:
        assert row.memory.headroom_bytes < before - 15 * MI  # a tmpfs: held until the file is gone
    else:
        assert row.memory.headroom_bytes > before - 10 * MI


def test_a_spike_between_two_samples_is_seen(place: Place) -> None:
    child = place.start()
    place.row()
    assert tell(child, "hold 30") == "done"
    assert tell(child, "drop") == "done"
    memory = place.row().memory
    assert memory.peak_interval_bytes is not None
    assert memory.peak_interval_bytes >= 30 * MI
    assert memory.usage_bytes is not None
    assert memory.usage_bytes < 30 * MI


def test_a_kill_by_the_kernel_is_counted_in_the_container_and_its_pod(place: Place) -> None:
    child = place.start()
    assert place.row().oom_kills == 0
    assert tell(child, "hold 200") == ""
    assert child.wait() == -9
    until(lambda: place.row().oom_kills == 1)
    (pod,) = place.report().pods
    assert pod.oom_kills == 1
    assert place.row().limit_hits != 0  # None where the kernel does not count them


def test_one_process_killed_with_its_group_is_one_kill(place: Place) -> None:
    if not os.path.exists(f"{place.container}/memory.oom.group"):
        pytest.skip("this machine's cgroups have no memory.oom.group")
    if "oom_group_kill" not in Path(place.container, "memory.events").read_text():
        pytest.skip("kernels before 5.17 do not tell kills of groups")
    Path(place.container, "memory.oom.group").write_text("1")
    child = place.start()
    assert place.row().oom_kills == 0
    assert tell(child, "hold 200") == ""
    assert child.wait() == -9
    until(lambda: place.row().oom_kills != 0)
    report = place.report()
    assert [row.oom_kills for row in report.containers] == [1]
    assert [row.oom_kills for row in report.pods] == [1]
    assert report.containers[0].oom_group is True


def test_a_container_that_ended_is_gone_from_the_next_report(place: Place) -> None:
    place.start()
    place.row()
    place.end_children()
    _remove_cgroup(place.container)
    report = place.report()
    assert report.containers == ()
    assert [pod.pod_uid for pod in report.pods] == [UID]
    assert report.read_errors == 0


def test_a_restarted_container_is_found_without_waiting_for_the_stat_interval(place: Place) -> None:
    place.start()
    place.row()
    place.end_children()
    _remove_cgroup(place.container)
    place.report()
    place.container = f"{place.pod}/{'e' * 64}"
    os.mkdir(place.container)
    place.start()
    until(lambda: [row.container_id for row in place.report().containers] == ["e" * 64])


def test_every_cgroup_of_this_machine_has_a_row(place: Place) -> None:
    assert place.sampler is not None
    rows = {row.cgroup: row for row in place.sampler.sample_all_cgroups()}
    assert rows[f"/kubepods/pod{UID}/{ID}"].memory.limit_bytes == 48 * MI
    assert rows["/"].memory.usage_bytes is not None
    assert place.sampler.read_errors.total == 0
