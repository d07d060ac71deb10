"""Processes in no container, on a node of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.oomsight_agent.sampler.nodes import HOST_PROCESSES, STAT_INTERVAL, WEB_FILES, SampledNode

from oomsight_agent.sampler.candidates import MOST_OF_EACH, MOST_TOLD
from oomsight_agent.sampler.processes import MAX_CGROUP_LENGTH, SECONDS_BETWEEN_LOOKS_OUTSIDE, printable_cgroup
from oomsight_api.report import NodeReport, Process
from oomsight_sandbox.node_tree import MI, Flavour, ProcessFiles

every_version = pytest.mark.parametrize("flavour", [Flavour.V1_CGROUPFS, Flavour.V2_SYSTEMD])


@pytest.fixture
def node(tmp_path: Path) -> SampledNode:
    return SampledNode(tmp_path, Flavour.V2_SYSTEMD)


def told(report: NodeReport) -> dict[int, Process]:
    assert report.host_processes is not None
    return {row.pid: row for row in report.host_processes}


@every_version
def test_the_nodes_own_services_are_told_worst_first_with_their_cgroups(tmp_path: Path, flavour: Flavour) -> None:
    node = SampledNode(tmp_path, flavour)
    node.tree.put(WEB_FILES)
    for process, cgroup in HOST_PROCESSES:
        node.tree.put_host(process, cgroup)
    rows = told(node.stat_tick())
    assert list(rows) == [703, 702, 701, 700]  # neither the init nor the kernel's thread; sshd, which is exempt, last
    assert rows[702].cgroup == "/system.slice/kubelet.service"
    assert (rows[702].oom_score_adj, rows[702].rss_bytes) == (-999, 80 * MI)


def test_a_process_of_a_pod_that_is_in_no_container_is_told(node: SampledNode) -> None:
    web = node.tree.put(WEB_FILES)
    pod = node.tree.path_of(web).rpartition("/")[0]
    node.tree.put_host(ProcessFiles(710, "conmon"), pod)
    assert told(node.stat_tick())[710].cgroup == pod


def test_of_many_only_those_who_may_die_first_are_told(node: SampledNode) -> None:
    for pid in range(700, 760):
        node.tree.put_host(ProcessFiles(pid, anon_bytes=pid * MI), "/system.slice/batch.service")
    assert list(told(node.stat_tick())) == [759, 758, 757, 756, 755]
    assert MOST_OF_EACH <= MOST_TOLD


def test_they_are_looked_at_once_a_minute(node: SampledNode) -> None:
    node.tree.put_host(ProcessFiles(700, "agent"))
    node.stat_tick()
    node.tree.put_host(ProcessFiles(701, "hog", anon_bytes=900 * MI))
    seen = [701 in told(node.stat_tick()) for _ in range(int(SECONDS_BETWEEN_LOOKS_OUTSIDE / STAT_INTERVAL))]
    assert seen == [False] * (len(seen) - 1) + [True]


def test_while_memory_is_scarce_they_are_looked_at_with_every_stat_interval(node: SampledNode) -> None:
    node.tree.put_host(ProcessFiles(700, "agent"))
    node.stat_tick()
    node.tree.put_host(ProcessFiles(701, "hog", anon_bytes=900 * MI))
    node.tree.set_node(available_bytes=400 * MI)
    assert 701 in told(node.stat_tick())


def test_one_that_ended_is_not_told_any_more(node: SampledNode) -> None:
    node.tree.put(WEB_FILES)
    node.tree.put_host(ProcessFiles(700, "agent"))
    node.stat_tick()
    node.tree.remove_host(700)
    node.tree.put(WEB_FILES)
    seen = [700 in told(node.stat_tick()) for _ in range(6)]
    assert not seen[-1]


def test_a_runtimes_helper_that_became_a_container_is_told_there_alone(node: SampledNode) -> None:
    node.tree.put_host(ProcessFiles(4001, "runc:init"), "/system.slice/containerd.service")
    node.tree.put_host(ProcessFiles(700, "agent"))
    assert 4001 in told(node.stat_tick())
    node.tree.put(WEB_FILES)
    report = node.stat_tick()
    assert 4001 not in told(report)
    assert 4001 in [process.pid for process in node.container(report).processes]


def test_a_kernel_thread_is_asked_once_and_its_number_again_when_another_has_it(
    node: SampledNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.tree.put_host(ProcessFiles(2, "kthreadd", kernel_thread=True))
    node.tree.put_host(ProcessFiles(700, "agent"))
    node.tree.set_node(available_bytes=MI)
    node.stat_tick()
    (node.tree.proc_root / "2" / "status").write_bytes(b"unreadable from now on")
    for _ in range(3):
        node.stat_tick()
    assert node.sampler.read_errors.total == 0
    node.tree.put_host(ProcessFiles(2, "reborn"), "/system.slice/cron.service")
    assert 2 in [pid for _ in range(7) for pid in told(node.stat_tick())]


def test_without_a_memory_controller_nobody_knows_them(tmp_path: Path) -> None:
    node = SampledNode(tmp_path, Flavour.V2_SYSTEMD)
    (node.tree.cgroup_root / "cgroup.controllers").unlink()
    assert node.stat_tick().host_processes is None


@pytest.mark.parametrize("name", ["x", "\udcff", "\n"])
def test_a_path_of_any_length_is_cut_at_an_ancestor(name: str) -> None:
    path = "/kubepods" + f"/{name * 100}" * 40
    text = printable_cgroup(path)
    assert len(text) <= MAX_CGROUP_LENGTH
    assert printable_cgroup(path + "/deeper") == text
    assert text.startswith("/kubepods/")
    assert text.isascii()
    assert text.isprintable()


def test_a_single_name_that_is_too_long_leaves_the_root() -> None:
    assert printable_cgroup("/" + "\udcff" * 1000) == "/"
