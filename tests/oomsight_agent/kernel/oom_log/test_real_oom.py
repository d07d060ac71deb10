"""An OOM kill on this machine's own kernel, read from its own log: as soon as it happened, and as it happened."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.oomsight_agent.real_cgroups import CHILD, MI, real_place, tell

from oomsight_agent.kernel.kmsg import KmsgReader
from oomsight_agent.kernel.oom_log.assembler import OomLog
from oomsight_agent.kernel.oom_log.model import LogOom

NAME = "a),pid=1,uid=0"


def oom_of(pid: int, reader: KmsgReader) -> LogOom:
    log, until = OomLog(os.sysconf("SC_PAGE_SIZE")), time.monotonic() + 60
    while time.monotonic() < until:
        select.select([reader], [], [], 1)
        for oom in log.feed(reader.read()):
            if any(kill.pid == pid and kill.name == NAME for kill in oom.kills):
                return oom
    raise AssertionError(f"the log says nothing of a kill of {pid}")


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="needs this machine's /dev/kmsg")
def test_a_real_kill_is_told_as_it_was(tmp_path: Path) -> None:
    executable = tmp_path / NAME
    executable.symlink_to(sys.executable)
    reader = KmsgReader()
    with real_place(limit_bytes=32 * MI) as place:
        command = [str(executable), "-S", "-c", CHILD, f"{place.container}/cgroup.procs"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        place.children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "in\n"
        assert tell(child, "hold 64") == ""
        assert child.wait() == -9
        oom = oom_of(child.pid, reader)
        reader.close()
        (kill,) = oom.kills
        assert oom.is_global is False
        assert kill.anon_rss_bytes is not None
        assert (
            24 * MI < kill.anon_rss_bytes < 64 * MI
        )  # with what it had before it came into the cgroup, and which is not charged there
        if oom.limit_cgroup is None:
            pytest.skip("the kernel left out the dump, as it does beyond ten in five seconds")
        cgroup = place.container.removeprefix(place.hierarchy)
        assert oom.limit_cgroup.endswith(cgroup)
        assert oom.task_cgroup == oom.limit_cgroup
        assert (oom.trigger_pid, oom.trigger_name) == (child.pid, NAME)
        assert oom.memory is not None
        assert oom.memory.limit_bytes == 32 * MI
        assert [(task.pid, task.name) for task in oom.tasks] == [(child.pid, NAME)]
