"""The node's parts are told what to do by one file, and a dead one is told by the lines that say why."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from oomsight_cluster.debian.certificates import Authority
from oomsight_cluster.debian.cluster import command
from oomsight_cluster.debian.components import Parts, bridge, kubelet_configuration
from oomsight_cluster.debian.keeper import sweep
from oomsight_cluster.debian.kubernetes import Kubernetes
from oomsight_cluster.debian.node import Order, telling_lines
from oomsight_cluster.debian.packages import Programs
from oomsight_cluster.errors import ClusterError


def test_an_order_is_read_as_it_was_written(tmp_path: Path) -> None:
    order = Order(tmp_path, "oomsight-e2e-run-1", Path("/k"), Path("/p"), (Path("/a.tar"), Path("/b.tar")), "localhost/pause:1", 7)
    order.write(tmp_path / "order.json")
    assert Order.read(tmp_path / "order.json") == order


def test_of_a_program_that_crashed_the_lines_are_shown_that_say_why() -> None:
    crash = "I1126 started\nfatal error: fault\n[signal SIGSEGV]\n" + "goroutine 1 [running]:\n" * 500
    assert telling_lines(crash).splitlines()[:2] == ["fatal error: fault", "[signal SIGSEGV]"]


def test_of_any_other_log_the_end_is_shown() -> None:
    log = "\n".join(f"line {number}" for number in range(100))
    assert telling_lines(log, 3).splitlines() == ["line 97", "line 98", "line 99"]
    assert telling_lines("") == ""


@pytest.mark.parametrize("may_lower", [True, False])
def test_containerd_gives_no_lower_oom_score_adj_than_the_machine_allows(tmp_path: Path, may_lower: bool) -> None:
    parts = Parts(tmp_path, Kubernetes(Path("/k")), Programs(Path("/p")), "localhost/pause:1", may_lower)
    (tmp_path / "run").mkdir()
    parts._containerd()
    configuration = (tmp_path / "containerd.toml").read_text()
    assert f"restrict_oom_score_adj = {str(not may_lower).lower()}" in configuration
    assert 'sandbox_image = "localhost/pause:1"' in configuration


def test_the_kubelet_touches_neither_firewall_nor_evicts_for_the_machines_disk(tmp_path: Path) -> None:
    configuration = kubelet_configuration(Authority(tmp_path / "pki", tmp_path))
    assert configuration["makeIPTablesUtilChains"] is False
    assert configuration["evictionHard"] == {"memory.available": "100Mi"}
    (plugin,) = json.loads(json.dumps(bridge(tmp_path)))["plugins"]
    assert plugin["ipMasq"] is False


def test_a_run_whose_keeper_lives_is_not_swept_and_one_whose_keeper_is_gone_is(tmp_path: Path) -> None:
    for name in ("run-living", "run-dead"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
    with (tmp_path / "run-living" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sweep(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["run-living"]


def test_a_command_to_a_node_that_is_gone_fails_with_the_commands_name(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="restart kube-apiserver"):
        command(tmp_path / "control", "restart kube-apiserver")
