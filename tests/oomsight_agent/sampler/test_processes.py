"""Processes of a node of files; each test writes /proc/PID as the kernel would."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.sampler.processes import BIGGEST, ROUNDS_BETWEEN_LOOKS, ContainerProcesses, ProcessTable

ID, OTHER = "a" * 64, "b" * 64
POD = "/kubepods/pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
PAGE = 4096
MEMORY = "RssAnon:\t{kib} kB\nRssFile:\t0 kB\nRssShmem:\t0 kB\nVmPTE:\t8 kB\nVmSwap:\t0 kB\n"


class Proc:
    """A /proc made of files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.errors = ReadErrors()
        self.table = ProcessTable(str(root), 2, self.errors)

    def put(self, pid: int, cgroup: str = f"{POD}/{ID}", kib: int | None = 100, adj: int = 0) -> None:
        directory = self.root / str(pid)
        directory.mkdir(exist_ok=True)
        (directory / "cgroup").write_text(f"0::{cgroup}\n")
        (directory / "oom_score_adj").write_text(f"{adj}\n")
        (directory / "status").write_text(f"Name:\tp{pid}\n" + ("" if kib is None else MEMORY.format(kib=kib)))

    def remove(self, pid: int) -> None:
        shutil.rmtree(self.root / str(pid))

    def look(self, container_id: str = ID) -> ContainerProcesses:
        found = self.table.look([container_id], 1_000_000, PAGE)
        assert found is not None
        return found[container_id]


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_the_worst_come_first_by_the_kernels_order_and_not_by_size(proc: Proc) -> None:
    proc.put(10, kib=400_000, adj=0)
    proc.put(11, kib=100, adj=900)
    proc.put(12, kib=800, adj=-1000)  # exempt: last, however large
    found = proc.look()
    assert [process.pid for process in found.biggest] == [11, 10, 12]
    assert found.biggest[0].badness_points == 25 + 2 + 900 * 1000
    assert found.biggest[2].badness_points is None
    assert (found.process_count, found.oom_score_adj_min, found.oom_score_adj_max) == (3, -1000, 900)


def test_no_more_than_the_biggest_are_told_but_all_are_counted(proc: Proc) -> None:
    for pid in range(100, 130):
        proc.put(pid, kib=pid)
    found = proc.look()
    assert [process.pid for process in found.biggest] == [129, 128, 127, 126, 125]
    assert (len(found.biggest), found.process_count) == (BIGGEST, 30)


def test_a_zombie_is_no_process_that_could_die(proc: Proc) -> None:
    proc.put(10, kib=None)
    assert proc.look() == ContainerProcesses(process_count=0)


def test_processes_of_other_containers_and_of_the_node_are_not_mixed_in(proc: Proc) -> None:
    proc.put(1, "/init.scope")
    proc.put(10)
    proc.put(11, f"{POD}/{OTHER}")
    proc.put(12, f"{POD}/{ID}/nested/deeper")
    assert {process.pid for process in proc.look().biggest} == {10, 12}


def test_a_first_process_that_the_runtime_moves_in_after_its_start_is_found(proc: Proc) -> None:
    proc.put(10, "/system.slice/containerd.service")
    assert proc.look().process_count == 0
    proc.put(10)
    assert proc.look().process_count == 1


def test_a_number_that_was_given_away_again_is_noticed_within_six_rounds(proc: Proc) -> None:
    proc.put(10)
    for _ in range(3):
        assert proc.look().process_count == 1
    proc.put(10, "/system.slice/cron.service")
    assert 0 in [proc.look().process_count for _ in range(ROUNDS_BETWEEN_LOOKS)]
    assert proc.look().process_count == 0


def test_a_process_that_ended_is_gone_and_forgotten(proc: Proc) -> None:
    proc.put(10)
    proc.look()
    proc.remove(10)
    assert proc.look().process_count == 0
    assert proc.table._containers == {}
    assert proc.errors.total == 0


def test_a_broken_file_costs_its_process_alone(proc: Proc) -> None:
    proc.put(10)
    proc.put(11)
    (proc.root / "11" / "status").write_bytes(b"\x00\xff")
    proc.put(12)
    (proc.root / "12" / "oom_score_adj").write_bytes(b"high\n")
    found = proc.look()
    assert [(process.pid, process.oom_score_adj) for process in found.biggest] == [(10, 0), (12, None)]
    assert proc.errors.totals[FileKind.PROCESS_STATUS] == 1
    assert proc.errors.totals[FileKind.PROCESS_OOM_SCORE_ADJ] == 1


def test_without_proc_nothing_is_known_rather_than_no_processes(tmp_path: Path) -> None:
    table = ProcessTable(f"{tmp_path}/none", 2, ReadErrors())
    assert table.look([ID], 1_000_000, PAGE) is None


def test_names_that_are_no_pids_are_passed_over(proc: Proc) -> None:
    for name in ("self", "12x", "\uff19", "99999999999999"):
        (proc.root / name).mkdir()
    proc.put(10)
    assert proc.look().process_count == 1
