"""Which folder of which hierarchy is ours, from the texts of /proc."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.kubelet.places import Hierarchy, find_hierarchy


def test_v1_memory_hierarchy_is_tried_from_our_own_folder_upwards(tmp_path: Path) -> None:
    mount = tmp_path / "memory"
    (mount / "user" / "me").mkdir(parents=True)
    mountinfo = f"35 31 0:32 / {mount} rw,relatime shared:9 - cgroup cgroup rw,memory\n41 31 0:38 / /x rw - cgroup2 cgroup2 rw\n"
    found = find_hierarchy(mountinfo, "4:memory:/user/me\n0::/\n")
    assert found == Hierarchy(1, str(mount), str(mount / "user" / "me"))
    assert found.candidates == (str(mount / "user" / "me"), str(mount / "user"), str(mount))


def test_v2_hierarchy_is_tried_from_the_parent_upwards_and_our_own_folder_last(tmp_path: Path) -> None:
    (tmp_path / "user.slice" / "me.scope").mkdir(parents=True)
    found = find_hierarchy(f"30 23 0:26 / {tmp_path} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n", "0::/user.slice/me.scope\n")
    assert found is not None
    assert found.version == 2
    assert found.candidates == (str(tmp_path / "user.slice"), str(tmp_path), str(tmp_path / "user.slice" / "me.scope"))


def test_in_a_container_the_mounted_part_is_all_there_is(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    mountinfo = f"35 31 0:32 /docker/abc {tmp_path} rw - cgroup cgroup rw,memory\n"
    assert find_hierarchy(mountinfo, "4:memory:/docker/abc\n") == Hierarchy(1, str(tmp_path), str(tmp_path))
    assert find_hierarchy(mountinfo, "4:memory:/docker/abc/inner\n") == Hierarchy(1, str(tmp_path), str(tmp_path / "inner"))


def test_a_mount_point_with_a_space_is_read_unescaped() -> None:
    found = find_hierarchy("30 23 0:26 / /sys/fs/c\\040g rw - cgroup2 cgroup2 rw\n", "0::/\n")
    assert found is not None
    assert found.mount == "/sys/fs/c g"


def test_without_the_memory_controller_there_is_no_hierarchy() -> None:
    assert find_hierarchy("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "1:cpu:/\n") is None


@given(st.text(), st.text())
def test_any_text_gives_a_hierarchy_or_none(mountinfo: str, own: str) -> None:
    found = find_hierarchy(mountinfo, own)
    assert found is None or os.path.commonpath([found.mount, found.own]) == found.mount
