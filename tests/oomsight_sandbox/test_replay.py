"""Replaying into a folder that somebody reads with files kept open."""

from __future__ import annotations

import os
from pathlib import Path

from oomsight_sandbox.recording import Moment, read_recording
from oomsight_sandbox.replay import RECORDING, Tree

FILE = "cgroup/kubepods/podu1/memory.current"


def test_a_file_is_rewritten_in_place_for_who_keeps_it_open(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    tree.apply(Moment(0.0, {FILE: "123456\n"}), {})
    descriptor = os.open(tmp_path / FILE, os.O_RDONLY)
    tree.apply(Moment(1.0, {FILE: "7\n"}), {})
    assert os.pread(descriptor, 100, 0) == b"7\n"
    os.close(descriptor)


def test_a_cgroup_goes_with_its_last_file(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    tree.apply(Moment(0.0, {FILE: "1\n", "cgroup/kubepods/memory.current": "1\n"}), {})
    tree.apply(Moment(1.0, {FILE: None}), {})
    assert not (tmp_path / "cgroup/kubepods/podu1").exists()
    assert (tmp_path / "cgroup/kubepods/memory.current").exists()


def test_recorded_uids_and_names_become_those_of_the_pods_that_are_there(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    names = {"u1": "new-uid", "web-old": "web-new"}
    files = {FILE: "1\n", "proc/7/cgroup": "4:memory:/sandbox/kubepods/podu1/ab\n"}
    tree.apply(Moment(0.0, files, {"web-old_shop_app-ab.log": "/var/log/pods/shop_web-old_u1/app/0.log"}), names)
    assert (tmp_path / "cgroup/kubepods/podnew-uid/memory.current").read_text() == "1\n"
    assert (tmp_path / "proc/7/cgroup").read_text() == "4:memory:/sandbox/kubepods/podnew-uid/ab\n"
    link = tmp_path / "log/containers/web-new_shop_app-ab.log"
    assert os.readlink(link) == "/var/log/pods/shop_web-new_new-uid/app/0.log"
    tree.apply(Moment(1.0, {}, {"web-old_shop_app-ab.log": None}), names)
    assert not link.is_symlink()


def test_the_recording_that_comes_with_the_sandbox_is_small_and_tells_nothing_of_where_it_was_made() -> None:
    recording = read_recording(RECORDING)
    assert os.path.getsize(RECORDING) < 1_000_000
    assert {key.partition("/")[0] for key in recording.pods} == {
        "checkout",
        "recommender",
        "search",
        "spool",
        "thumbnails",
        "toolbox",
        "web",
    }
    cgroups = [text for moment in recording.moments for path, text in moment.files.items() if path.endswith("/cgroup") and text]
    memory = [line.partition("memory:")[2] for text in cgroups for line in text.splitlines() if ":memory:" in line]
    assert memory
    assert all(line.startswith("/sandbox/kubepods/") for line in memory)
