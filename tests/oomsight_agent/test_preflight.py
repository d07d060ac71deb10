"""What a person is told when a mount is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from oomsight_agent.kernel.roots import Roots
from oomsight_agent.preflight import check


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    for name in ("cgroup", "proc", "containers"):
        (tmp_path / name).mkdir()
    (tmp_path / "cgroup" / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 1 kB\n")
    return Roots(str(tmp_path / "cgroup"), str(tmp_path / "proc"), str(tmp_path / "containers"))


def test_a_node_with_everything_in_place_is_fine(roots: Roots) -> None:
    found = check(roots)
    assert (found.errors, found.warnings) == ((), ())


def test_a_missing_cgroup_root_names_the_path_and_the_mount(roots: Roots) -> None:
    (error,) = check(Roots("/nowhere/cgroup", roots.proc_root, roots.container_log_dir)).errors
    assert error.startswith("--cgroup-root /nowhere/cgroup: No such file or directory, expected the node's cgroup file system")
    assert "hostPath /sys/fs/cgroup" in error


def test_a_cgroup_root_without_a_memory_controller_says_what_was_expected(roots: Roots, tmp_path: Path) -> None:
    (tmp_path / "cgroup" / "cgroup.controllers").write_text("cpu\n")
    (error,) = check(roots).errors
    assert "found no memory controller" in error
    assert "cgroup_disable=memory" in error


def test_a_wrong_proc_root_names_the_path_and_the_mount(roots: Roots, tmp_path: Path) -> None:
    (tmp_path / "proc" / "meminfo").write_bytes(b"\x00\xff")
    assert "meminfo does not begin with MemTotal:" in check(roots).errors[0]
    (tmp_path / "proc" / "meminfo").unlink()
    assert "meminfo cannot be read (No such file or directory)" in check(roots).errors[0]
    assert "hostPath /proc" in check(roots).errors[0]


def test_without_the_containers_links_names_are_missing_and_the_agent_still_works(roots: Roots) -> None:
    found = check(Roots(roots.cgroup_root, roots.proc_root, "/nowhere/containers"))
    assert found.errors == ()
    assert "ids alone" in found.warnings[0]
    assert "hostPath /var/log/containers" in found.warnings[0]


def test_a_hostile_path_does_not_break_the_line(roots: Roots) -> None:
    (error,) = check(Roots("/no\n\x1b[2Jwhere", roots.proc_root, roots.container_log_dir)).errors
    assert error.isprintable()
