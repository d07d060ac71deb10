"""Whose a sandbox's leavings are."""

from __future__ import annotations

import os
import subprocess
import sys

from oomsight_sandbox.owner import is_abandoned, new_name


def test_what_we_made_ourselves_is_not_abandoned_and_no_name_comes_twice() -> None:
    first, second = new_name(), new_name()
    assert first != second
    assert not is_abandoned(first)


def test_what_an_ended_process_made_is_abandoned() -> None:
    script = "from oomsight_sandbox.owner import new_name; print(new_name())"
    name = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
    assert is_abandoned(name)


def test_a_reused_pid_does_not_make_its_new_process_the_owner() -> None:
    namespace, pid = new_name().split("-")[2:4]
    assert pid == str(os.getpid())
    assert is_abandoned(f"oomsight-sandbox-{namespace}-{pid}-1-1")


def test_another_pid_namespaces_and_strangers_things_are_left_alone() -> None:
    assert not is_abandoned("oomsight-sandbox-1-999999999-1-1")
    assert not is_abandoned("oomsight-sandbox-backup")
    assert not is_abandoned("kubepods")
