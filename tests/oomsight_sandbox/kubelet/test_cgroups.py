"""The driver on this machine's real memory cgroups; skipped with the reason where none can be made."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time

import pytest

from oomsight_sandbox.kubelet.cgroups import Cgroups, can_make_cgroups, sweep

MIB = 1024 * 1024
_REASON = can_make_cgroups()
pytestmark = pytest.mark.skipif(_REASON is not None, reason=f"no memory cgroups here: {_REASON}")


def run_in(folder: str, *argv: str) -> int:
    """Exit code of a program that entered a cgroup before it started."""
    script = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    return subprocess.run(["sh", "-c", script, folder, *argv], check=False).returncode


def lives(pid: str) -> bool:
    """A process that is more than a corpse waiting for its parent."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_pods_are_laid_out_as_the_cgroupfs_driver_does(cgroups: Cgroups) -> None:
    assert cgroups.make_pod("u1", "Guaranteed", None) == f"{cgroups.base}/kubepods/podu1"
    assert cgroups.make_pod("u2", "Burstable", None) == f"{cgroups.base}/kubepods/burstable/podu2"
    assert cgroups.make_pod("u3", "BestEffort", None) == f"{cgroups.base}/kubepods/besteffort/podu3"


def test_a_process_beyond_its_containers_limit_is_killed_and_counted(cgroups: Cgroups) -> None:
    pod = cgroups.make_pod("u1", "Burstable", 64 * MIB)
    container = cgroups.make_container(pod, "a" * 64, 24 * MIB, oom_group=True)
    assert run_in(container, sys.executable, "-I", "-S", "-c", f"bytearray({48 * MIB})") == -9
    assert cgroups.oom_kills(container) >= 1


def test_a_process_below_its_limit_lives(cgroups: Cgroups) -> None:
    container = cgroups.make_container(cgroups.make_pod("u1", "Burstable", None), "a" * 64, 48 * MIB, oom_group=True)
    assert run_in(container, sys.executable, "-I", "-S", "-c", f"bytearray({8 * MIB})") == 0
    assert cgroups.oom_kills(container) == 0


def test_the_pods_limit_holds_for_all_its_containers_together(cgroups: Cgroups) -> None:
    pod = cgroups.make_pod("u1", "Burstable", 24 * MIB)
    container = cgroups.make_container(pod, "a" * 64, None, oom_group=True)
    assert run_in(container, sys.executable, "-I", "-S", "-c", f"bytearray({48 * MIB})") == -9


def test_removing_a_container_kills_what_runs_in_it_and_below(cgroups: Cgroups) -> None:
    container = cgroups.make_container(cgroups.make_pod("u1", "Burstable", None), "a" * 64, None, oom_group=False)
    nested = os.path.join(container, "nested")
    os.mkdir(nested)
    children = [subprocess.Popen(["sleep", "600"]) for _ in range(3)]
    for child in children:
        with open(os.path.join(nested, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(child.pid))
    cgroups.remove(container)
    assert [child.wait() for child in children] == [-9, -9, -9]
    assert not os.path.exists(container)


def test_nothing_is_left_after_close_and_closing_twice_is_fine() -> None:
    opened = Cgroups.open()
    opened.make_container(opened.make_pod("u1", "Burstable", None), "a" * 64, None, oom_group=False)
    opened.close()
    opened.close()
    assert not os.path.exists(opened.base)


def test_what_a_killed_owner_left_is_swept_and_a_living_owners_is_not(cgroups: Cgroups) -> None:
    script = """
        import os, signal, subprocess
        from oomsight_sandbox.kubelet.cgroups import Cgroups
        cgroups = Cgroups.open()
        container = cgroups.make_container(cgroups.make_pod("u1", "Burstable", None), "a" * 64, None, oom_group=False)
        child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(os.path.join(container, "cgroup.procs"), "w") as procs:
            procs.write(str(child.pid))
        print(cgroups.base, child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True, text=True)
    base, pid = killed.stdout.split()
    assert os.path.isdir(base)
    assert base in sweep()
    assert not os.path.exists(base)
    # A v2 cgroup can be removed while what was killed in it is still exiting.
    deadline = time.monotonic() + 10
    while lives(pid):
        assert time.monotonic() < deadline
    assert os.path.isdir(cgroups.base)
