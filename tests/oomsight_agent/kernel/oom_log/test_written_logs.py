"""Kernels that can no longer be run here: logs written from their format strings, as each file's first line says, with a golden.

To renew the goldens after a wanted change: `OOMSIGHT_WRITE_GOLDENS=1 pytest` of this file; then hold each against its log.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.oomsight_agent.kernel.oom_log.logs import ooms, parsed

from oomsight_agent.kernel.oom_log.model import LogOom

WRITTEN = Path(__file__).with_name("written")
NAMES = sorted(path.stem for path in WRITTEN.glob("*.txt"))
POD = "/kubepods/burstable/pod6a1c"
CONTAINER = f"{POD}/{'c' * 64}"


def read(name: str) -> LogOom:
    lines = (WRITTEN / f"{name}.txt").read_bytes().splitlines(keepends=True)
    assert lines[0].startswith(b"# Written from the format strings of Linux ")
    (oom,) = ooms(parsed(line) for line in lines[1:])
    return oom


@pytest.mark.parametrize("name", NAMES)
def test_a_written_log_says_what_it_said(name: str) -> None:
    text = json.dumps(asdict(read(name)), indent=1) + "\n"
    golden = WRITTEN / f"{name}.json"
    if os.environ.get("OOMSIGHT_WRITE_GOLDENS"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize(("name", "chosen", "died"), [("3.10-v1-child", 4200, 4242), ("5.0-v1-child", 5001, 5002)])
def test_a_child_dies_instead_of_the_chosen_one(name: str, chosen: int, died: int) -> None:
    oom = read(name)
    assert [kill.pid for kill in oom.kills] == [died]
    assert {chosen, died} <= {task.pid for task in oom.tasks}
    assert oom.task_cgroup == CONTAINER


def test_limit_and_victim_of_3_10() -> None:
    oom = read("3.10-v1-child")
    assert (oom.limit_cgroup, oom.task_cgroup, oom.trigger_cpuset) == (POD, CONTAINER, "c" * 64)
    assert oom.memory is not None
    assert oom.memory.anon_bytes == 63000 * 1024  # of the pod and its two containers, a line each
    assert oom.kills[0].shmem_rss_bytes is None  # not told before 4.5


def test_a_context_in_fragments_of_4_4() -> None:
    oom = read("4.4-v1-container")
    assert (oom.limit_cgroup, oom.task_cgroup) == (CONTAINER, CONTAINER)
    assert oom.memory is not None
    assert oom.memory.anon_bytes == 61000 * 1024
    assert oom.tasks[0].page_tables_bytes == 63 * 4096


@pytest.mark.parametrize(("name", "victim"), [("3.10-v1-node", "hog (x)"), ("5.4-v1-node", "dd")])
def test_the_node_of_old_kernels(name: str, victim: str) -> None:
    oom = read(name)
    assert (oom.is_global, oom.limit_cgroup, oom.kills[0].name) == (True, None, victim)
    assert oom.memory is not None
    assert oom.memory.free_bytes == 9000 * 4096
    assert oom.memory.anon_bytes == (7606 + 159394 + 32 - 394) * 4096
    assert oom.memory.swap_bytes == 3072 * 1024


@pytest.mark.parametrize("name", ["4.19-v1-container", "5.1-v1-container", "5.4-v2-container", "6.8-v2-group"])
def test_a_containers_oom(name: str) -> None:
    oom = read(name)
    assert (oom.is_global, oom.limit_cgroup, oom.task_cgroup, oom.trigger_pid) == (False, CONTAINER, CONTAINER, 5001)
    assert oom.kills[0].pid == 5001
    assert (oom.kills[0].oom_score_adj == 984) == name.startswith(("5.4", "6.8"))
    assert oom.tasks[0].oom_score_adj == 984
