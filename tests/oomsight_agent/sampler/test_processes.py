"""Processes of a node of files; each test writes /proc/PID as the kernel would."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.sampler import processes
from oomsight_agent.sampler.candidates import MOST_OF_EACH
from oomsight_agent.sampler.places import ROUNDS_BETWEEN_LOOKS
from oomsight_agent.sampler.processes import GONE_KEPT_SECONDS, ContainerProcesses, ProcessTable

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

    def put(self, pid: int, cgroup: str = f"{POD}/{ID}", kib: int | None = 100, adj: int = 0, numbers: str | None = None) -> None:
        directory = self.root / str(pid)
        directory.mkdir(exist_ok=True)
        (directory / "cgroup").write_text(f"0::{cgroup}\n")
        (directory / "oom_score_adj").write_text(f"{adj}\n")
        namespaces = "" if numbers is None else f"NSpid:\t{numbers}\n"
        (directory / "status").write_text(f"Name:\tp{pid}\n{namespaces}" + ("" if kib is None else MEMORY.format(kib=kib)))

    def remove(self, pid: int) -> None:
        shutil.rmtree(self.root / str(pid))

    def look(self, container_id: str = ID, now: float = 0.0) -> ContainerProcesses:
        found = self.table.look([container_id], 1_000_000, PAGE, now)
        assert found is not None
        return found[container_id]


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_resident_memory_is_what_the_killer_counts_and_not_the_more_exact_sum(proc: Proc) -> None:
    """Of two that are alike by the exact sum, the one whose pages the killer's counter has already seen dies first."""
    for pid, counted in ((10, 2000), (11, 1960)):
        proc.put(pid, kib=8192)
        (proc.root / str(pid) / "stat").write_text(f"{pid} (p (x) y) S {'0 ' * 20}{counted} 0 0\n")
    found = proc.look()
    assert [(process.pid, process.rss_bytes) for process in found.biggest] == [(10, 2000 * PAGE), (11, 1960 * PAGE)]
    assert [process.badness_points for process in found.biggest] == [2002, 1962]


def test_without_that_file_it_is_the_sum(proc: Proc) -> None:
    proc.put(10, kib=8192)
    assert proc.look().biggest[0].rss_bytes == 8192 * 1024
    assert proc.errors.total == 0


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
    assert (len(found.biggest), found.process_count) == (MOST_OF_EACH, 30)


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
    assert 10 not in proc.table.places
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


def first_processes(proc: Proc) -> dict[int, bool | None]:
    proc.look()
    return {pid: known.is_container_init for pid, known in proc.table.known.items()}


def test_the_first_process_of_a_container_is_number_1_of_its_own_namespace(proc: Proc) -> None:
    proc.put(500, numbers="500\t1")
    proc.put(501, numbers="501\t7")
    proc.put(502, numbers="502\t9\t1")  # of a container inside the container
    assert first_processes(proc) == {500: True, 501: False, 502: False}


@pytest.mark.parametrize("numbers", [None, "500", "500\t7", "nonsense\t1"])
def test_without_a_namespace_of_its_own_nobody_knows_which_process_a_container_ends_with(proc: Proc, numbers: str | None) -> None:
    """Before 4.1, with hostPID, and with a pod's processes in one namespace, whose first is the sandbox."""
    proc.put(500, numbers=numbers)
    proc.put(501, numbers=numbers)
    assert first_processes(proc) == {500: None, 501: None}


def test_a_process_that_has_gone_is_remembered_for_a_moment(proc: Proc) -> None:
    proc.put(500)
    proc.look(now=100.0)
    proc.remove(500)
    proc.look(now=110.0)
    known = proc.table.known[500]
    assert (known.process.name, known.container_id) == ("p500", ID)
    proc.look(now=110.0 + GONE_KEPT_SECONDS + 1)
    assert proc.table.known == {}


def test_a_dead_process_that_nobody_reaped_is_remembered_too(proc: Proc) -> None:
    proc.put(500)
    proc.look()
    proc.put(500, kib=None)
    proc.look()
    assert proc.table.known[500].process.rss_bytes == 100 * 1024


def test_which_of_the_known_are_gone_is_asked_of_the_kernel(proc: Proc) -> None:
    for pid in (500, 501, 502):
        proc.put(pid)
    proc.put(600, f"{POD}/{OTHER}")
    proc.look(ID)
    proc.look(OTHER)
    proc.remove(500)
    proc.put(501, kib=None)
    proc.remove(600)
    assert proc.table.gone_of([ID]) == {500, 501}


def test_whether_anybody_lives_in_a_container_is_asked_of_the_kernel_and_counts_who_came_since(proc: Proc) -> None:
    proc.put(500)
    proc.put(600, f"{POD}/{OTHER}")
    assert proc.table.has_living(ID) is None, "nobody was seen in it yet"
    proc.look(ID)
    assert proc.table.has_living(ID) is True
    proc.put(500, kib=None)
    assert proc.table.has_living(ID) is False, "a zombie is none"
    proc.put(501)
    assert proc.table.has_living(ID) is True
    proc.remove(500)
    proc.remove(501)
    assert proc.table.has_living(ID) is False


def test_nobody_is_left_in_a_container_that_lived_between_two_samples_where_proc_shows_everybody(proc: Proc) -> None:
    proc.put(1, "/init.scope")
    assert proc.table.has_living(ID) is None, "nobody is in any container: this may be no node's /proc"
    proc.put(600, f"{POD}/{OTHER}")
    assert proc.table.has_living(ID) is False
    proc.put(500)
    assert proc.table.has_living(ID) is True


@pytest.mark.parametrize("init", [None, "", f"{POD}/{OTHER}"], ids=["not shown", "its cgroup hidden", "of the agent's own pod"])
def test_a_proc_that_may_hide_processes_does_not_say_that_nobody_is_left(proc: Proc, init: str | None) -> None:
    proc.put(600, f"{POD}/{OTHER}")
    if init is not None:
        proc.put(1, init)
    if init == "":
        (proc.root / "1" / "cgroup").unlink()
    assert proc.table.has_living(ID) is None


def test_a_look_at_one_container_forgets_nothing_of_another(proc: Proc) -> None:
    proc.put(500)
    proc.put(600, f"{POD}/{OTHER}")
    proc.look(ID)
    proc.look(OTHER)
    assert {pid: known.container_id for pid, known in proc.table.known.items()} == {500: ID, 600: OTHER}


def test_what_was_handed_out_does_not_change(proc: Proc) -> None:
    proc.put(500)
    proc.look()
    before = proc.table.known
    proc.put(501)
    proc.look()
    assert set(before) == {500}


def test_what_is_remembered_has_a_bound(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAX_KNOWN", 10)
    monkeypatch.setattr(processes, "MAX_GONE", 5)
    for pid in range(500, 530):
        proc.put(pid)
    assert proc.look().process_count == 30
    assert len(proc.table.known) == 10
    for pid in range(500, 530):
        proc.remove(pid)
    proc.look()
    assert len(proc.table.known) == 5
