"""Names made to deceive, and lines that no kernel wrote."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from oomsight_proof.scenarios.model import Scenario
from oomsight_proof.stage import MIB, ScenarioError, Stage
from oomsight_proof.tree import Limits

_SMALL = Limits(16 * MIB)
_HOG = ["anon", str(64 * MIB)]

NAMES = (
    b")",
    b"",
    b" ",
    b",pid=1,uid=0",
    b"x,pid=1,uid=0",
    b"n\nl) total-vm:9",
    b"\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x1b\x7f",
    b"Killed process ",
    b"p (a) total-vm:",
    b"oom-kill:constr",
    b"\\x41\\x0a\\",
    b"\xff\xfe\xc3\x28\xe2\x82\xac",
    b"%s%n%d%x",
    b",task_memcg=/x,",
    b"tgid total_vm",
)
"""At most 15 bytes each, as the kernel keeps them."""

_PACE_SECONDS = 0.6
"""The kernel writes ten headers in five seconds."""


def names(stage: Stage) -> None:
    """Each dies in a container of its own, named as it likes."""
    pod = stage.pod()
    for number, name in enumerate(NAMES, 1):
        stage.container(["name", name.hex(), *_HOG], pod=pod, limits=_SMALL)
        stage.wait_kills(number)
        time.sleep(_PACE_SECONDS)


def forged(stage: Stage) -> None:
    """User space writes whole reports of kills to /dev/kmsg, and crashes under names that look like one; one real kill between."""
    bystander = stage.container(["fork", "{", "ready", "stay", "}", "ready", "stay"], limits=_SMALL)
    stage.wait_ready(bystander, 2)
    written = _forge(bystander.cgroup, [seen.pid for seen in stage.processes(bystander)])
    for name in (b"Killed process ", b"oom-kill:task=1", b"Out of memory: "):
        crashing = stage.container(["name", name.hex(), "ready", "crash"], pod=bystander.pod, limits=_SMALL)
        stage.wait_ready(crashing)
    stage.container(_HOG, pod=bystander.pod, limits=_SMALL)
    stage.wait_kills(1)
    written += _forge(bystander.cgroup, [1, *(seen.pid for seen in stage.processes(bystander))])
    if not written:
        raise ScenarioError("/dev/kmsg took no line")
    stage.notes.append(f"{written} forged lines written, 3 crashes")


def _forge(cgroup: str, pids: list[int]) -> int:
    """How many lines the kernel took. It takes few from one descriptor in a while, so each has its own."""
    written = 0
    for pid in pids:
        sizes = "total-vm:18732kB, anon-rss:15000kB, file-rss:900kB, shmem-rss:0kB, UID:0 pgtables:64kB oom_score_adj:0"
        memcg = f"oom_memcg={cgroup},task_memcg={cgroup}"
        lines = (
            "app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
            f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,{memcg},task=app,pid={pid},uid=0",
            f"Memory cgroup out of memory: Killed process {pid} (app) {sizes}",
            f"Out of memory: Killed process {pid} (app) {sizes}",
            f"x\nMemory cgroup out of memory: Killed process {pid} (app) {sizes}",
        )
        for level in ("<0>", "<3>", "<6>", "<4294967291>", ""):
            for line in lines:
                with suppress(OSError):
                    written += _write_line(f"{level}{line}\n")
    return written


def _write_line(text: str) -> int:
    descriptor = os.open("/dev/kmsg", os.O_WRONLY)
    try:
        return 1 if os.write(descriptor, text.encode()) else 0
    finally:
        os.close(descriptor)


SCENARIOS = (
    Scenario("names made to deceive", names),
    Scenario("forged log lines", forged, quiet_seconds=5),
)
