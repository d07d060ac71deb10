"""The sandbox's folders: on a disk, private, and gone afterwards."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from oomsight_sandbox.owner import new_name
from oomsight_sandbox.workspace import file_system, sweep_workspaces, workspace

MOUNTS = """22 1 259:1 / / rw - ext4 /dev/vda rw
23 22 0:5 / /dev rw - devtmpfs devtmpfs rw
24 22 0:24 / /tmp rw - tmpfs tmpfs rw
25 24 0:25 / /tmp/disk rw - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(("path", "kind"), [("/var/tmp", "ext4"), ("/tmp/x", "tmpfs"), ("/tmp/disk/x", "xfs"), ("/tmpfoo", "ext4")])
def test_the_deepest_mount_tells_the_file_system(path: str, kind: str) -> None:
    assert file_system(path, MOUNTS) == kind


def test_a_workspace_is_private_and_gone_with_all_its_files() -> None:
    with workspace(new_name()) as made:
        Path(made.file("log")).mkdir()
        Path(made.file("log/x")).write_text("x")
        assert stat.S_IMODE(os.stat(made.directory).st_mode) == 0o700
    assert not os.path.exists(made.directory)
    assert not os.path.exists(made.shared_memory_directory)


def test_a_workspace_is_gone_after_a_failure_too() -> None:
    with pytest.raises(RuntimeError, match="half way"), workspace(new_name()) as made:
        raise RuntimeError("half way")
    assert not os.path.exists(made.directory)


def test_what_a_killed_owner_left_is_swept_and_a_living_owners_is_not() -> None:
    script = """
import os, signal
from oomsight_sandbox.owner import new_name
from oomsight_sandbox.workspace import workspace
with workspace(new_name()) as made:
    print(made.directory, made.shared_memory_directory, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    left = killed.stdout.split()
    with workspace(new_name()) as living:
        removed = sweep_workspaces()
        assert os.path.exists(living.directory)
    assert set(left) <= set(removed)
    assert not any(os.path.exists(path) for path in left)
