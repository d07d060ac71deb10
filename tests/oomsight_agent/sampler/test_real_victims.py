"""What a prediction of the next victim needs, against this machine's own kernel."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.oomsight_agent.real_cgroups import MI, Place, real_place, remove_cgroup, tell, until

from oomsight_agent.kernel.roots import Roots
from oomsight_agent.sampler import Sampler
from oomsight_api.report import NodeReport, Process


@pytest.fixture
def place() -> Iterator[Place]:
    with real_place() as made:
        yield made


def whole_machine() -> NodeReport:
    sampler = Sampler(Roots(), "this-machine")
    try:
        return sampler.sample(time.time(), time.monotonic())
    finally:
        sampler.close()


def host_processes(report: NodeReport) -> dict[int, Process]:
    assert report.host_processes is not None
    return {row.pid: row for row in report.host_processes}


def test_the_kernels_arithmetic_is_known(place: Place) -> None:
    release = tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])
    signed = place.report().node_memory.signed_badness
    assert signed is True if release >= (5, 9) else signed is not None


def test_a_service_that_would_die_first_on_the_node_is_told_with_its_cgroup(place: Place) -> None:
    child = place.start(place.sibling())
    assert tell(child, "hold 8") == "done"
    Path(f"/proc/{child.pid}/oom_score_adj").write_text("1000")
    row = host_processes(place.report())[child.pid]
    assert (row.cgroup, row.oom_score_adj) == ("/service-0", 1000)
    assert row.rss_bytes is not None
    assert row.rss_bytes >= 8 * MI
    score = int(Path(f"/proc/{child.pid}/oom_score").read_text())
    assert row.badness_points is not None
    assert (1000 + row.badness_points * 1000 // total_pages()) * 2 // 3 == pytest.approx(score, abs=1)


def total_pages() -> int:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return sum(int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "SwapTotal")) // os.sysconf("SC_PAGE_SIZE")


def test_neither_the_init_nor_a_kernel_thread_nor_a_containers_process_is_told_outside(place: Place) -> None:
    inside = place.start()
    found = host_processes(whole_machine())
    assert found
    assert not {1, 2, inside.pid} & found.keys()
    assert all(row.rss_bytes is not None for row in found.values())


def test_of_many_processes_the_first_victim_at_any_limit_is_told() -> None:
    with real_place(1024 * MI) as place:
        pids = {}
        for adj in (300, 600, 900):
            for mib in (1, 4, 7, 10, 13, 16):
                child = place.start()
                assert tell(child, f"hold {mib}") == "done"
                Path(f"/proc/{child.pid}/oom_score_adj").write_text(str(adj))
                pids[adj, mib] = child.pid
        place.new_sampler()
        row = place.row()
        told = {process.pid for process in row.processes}
        assert {pids[adj, mib] for adj in (300, 600, 900) for mib in (7, 10, 13, 16)} <= told
        assert not {pids[adj, 1] for adj in (300, 600, 900)} & told
        assert (row.process_count, row.oom_score_adj_min, row.oom_score_adj_max) == (18, 300, 900)


def test_the_root_and_kubepods_have_rows(place: Place) -> None:
    child = place.start()
    assert tell(child, "hold 20") == "done"
    rows = {row.cgroup: row for row in place.report().cgroups}
    assert list(rows) == ["/", "/kubepods"]
    assert rows["/kubepods"].holds_pods
    assert rows["/kubepods"].memory.anon_bytes is not None
    assert 20 * MI <= rows["/kubepods"].memory.anon_bytes < 40 * MI
    assert rows["/kubepods"].oom_group is (False if place.version == 2 else None)


def test_the_root_of_the_machine_gives_the_kubelets_memory_available(place: Place) -> None:
    report = whole_machine()
    root, total = report.cgroups[0], report.node_memory.total_bytes
    assert (root.cgroup, root.memory.unlimited) == ("/", True)
    assert total is not None
    assert root.memory.usage_bytes is not None
    assert root.memory.working_set_bytes is not None
    assert 0 < root.memory.working_set_bytes <= root.memory.usage_bytes < total
    if place.version == 2:
        assert not os.path.exists(f"{place.hierarchy}/memory.current")
        assert root.memory.usage_bytes == (root.memory.anon_bytes or 0) + (root.memory.file_bytes or 0)


def needs_groups(place: Place) -> None:
    if not os.path.exists(f"{place.pod}/memory.oom.group"):
        pytest.skip("this machine's cgroups have no memory.oom.group")


def test_groups_that_die_whole_are_told_where_they_have_no_row(place: Place) -> None:
    needs_groups(place)
    service = place.sibling()
    place.start(service)
    Path(service, "memory.oom.group").write_text("1")
    Path(place.container, "cgroup.subtree_control").write_text("+memory")
    inner = f"{place.container}/inner"
    os.mkdir(inner)
    try:
        child = place.start(inner)
        Path(inner, "memory.oom.group").write_text("1")
        report = place.report()
        nested = inner.removeprefix(place.base)
        assert report.oom_groups == (nested, "/service-0")
        assert [(row.pid, row.cgroup) for row in report.containers[0].processes] == [(child.pid, nested)]
    finally:
        place.end_children()
        remove_cgroup(inner)


def test_a_pod_that_dies_whole_says_so(place: Place) -> None:
    needs_groups(place)
    Path(place.pod, "memory.oom.group").write_text("1")
    place.start()
    report = place.report()
    assert [pod.oom_group for pod in report.pods] == [True]
    assert report.oom_groups == ()


def test_what_was_swapped_out_and_needed_again_is_told(place: Place) -> None:
    """The rate is of two readings of memory.stat; without swap on this machine it is none, and not unknown."""
    place.start()
    sampler, now = place.new_sampler(), time.monotonic()
    sampler.sample(time.time(), now)
    (row,) = sampler.sample(time.time(), now + 10).containers
    if "workingset_refault_anon" not in Path(place.container, "memory.stat").read_text():
        assert row.anon_refaults_per_second is None
    else:
        assert row.anon_refaults_per_second is not None
        assert row.anon_refaults_per_second >= 0


def test_the_floor_is_what_cannot_be_freed(place: Place) -> None:
    child = place.start()
    assert tell(child, "hold 20") == "done"
    until(lambda: (place.row().floor_bytes or 0) >= 20 * MI)
    assert tell(child, "drop") == "done"
    until(lambda: (place.row().floor_bytes or 0) < 20 * MI)
