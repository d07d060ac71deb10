"""Which hierarchies a machine has, and a cluster's cgroup that takes everything with it, on the real kernel where it may."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from oomsight_cluster.debian.cgroups import ClusterCgroup, Hierarchy, machine_hierarchies, parse_hierarchies

V1 = """25 1 0:22 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
26 25 0:23 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
27 25 0:24 / /sys/fs/cgroup/net_cls,net_prio rw,relatime - cgroup cgroup rw,net_cls,net_prio
28 25 0:25 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
29 25 0:26 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
V2 = "30 24 0:27 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"


def test_v1_hierarchies_are_told_by_their_controllers_and_an_empty_v2_beside_them_is_left_out() -> None:
    assert parse_hierarchies(V1) == (
        Hierarchy(1, "/sys/fs/cgroup/cpu", "cpu", "/"),
        Hierarchy(1, "/sys/fs/cgroup/net_cls,net_prio", "net_cls,net_prio", "/"),
        Hierarchy(1, "/sys/fs/cgroup/systemd", "none,name=systemd", "/"),
    )


def test_a_machine_with_v2_alone_has_one_hierarchy() -> None:
    assert parse_hierarchies(V2) == (Hierarchy(2, "/sys/fs/cgroup", "", "/"),)


@pytest.mark.parametrize("text", ["", "nonsense\n", "1 2 - cgroup\n", " - \n"])
def test_lines_that_are_no_mounts_are_passed_over(text: str) -> None:
    assert parse_hierarchies(text) == ()


def can_make_cgroups() -> bool:
    hierarchies = machine_hierarchies()
    return os.geteuid() == 0 and bool(hierarchies) and all(os.access(each.mount_point, os.W_OK) for each in hierarchies)


@pytest.mark.skipif(not can_make_cgroups(), reason="needs root and writable cgroups")
def test_everything_that_was_started_in_it_ends_with_it_also_what_left_its_session(tmp_path: Path) -> None:
    cgroup = ClusterCgroup(f"oomsight-e2e-test-{os.getpid()}", machine_hierarchies())
    cgroup.make()
    ready = tmp_path / "ready"
    script = f"mkdir {cgroup.directories()[0]}/child; setsid sleep 1000 & sleep 1000 & echo > {ready}; wait"
    process = subprocess.Popen(["sh", "-c", script], preexec_fn=cgroup.join)  # noqa: PLW1509 - two writes
    try:
        while not ready.exists():
            time.sleep(0.01)
        assert cgroup.end_and_remove() == []
        assert process.wait(10) == -signal.SIGKILL
        assert not any(directory.exists() for directory in cgroup.directories())
    finally:
        process.kill()
        process.wait()
        cgroup.end_and_remove()
