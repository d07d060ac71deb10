"""What fills the memory: tmpfs, with swap, and a throttle that kills nobody."""

from __future__ import annotations

import time

from oomsight_api.incident import Incident
from oomsight_proof.machine import Machine, Need
from oomsight_proof.observer import EvidenceMode
from oomsight_proof.scenarios.model import Scenario
from oomsight_proof.stage import MIB, ScenarioError, Stage, named
from oomsight_proof.tree import Limits, read

_THROTTLED_SECONDS = 8.0


def tmpfs(stage: Stage) -> None:
    """What is written to a tmpfs stays charged when the writer has died: the next who allocates dies as well."""
    file = f"{stage.tmpfs()}/spool"
    second = ["fork", "{", *named("later"), "adj", "900", "ready", "await", "anon", str(8 * MIB), "stay", "}"]
    writer = ["fork", "{", *named("writer"), "adj", "1000", "ready", "await", "file", file, str(64 * MIB), "stay", "}"]
    container = stage.container([*second, *writer, "ready", "stay"], limits=Limits(16 * MIB))
    stage.wait_ready(container, 3)
    stage.go(stage.process(container, "writer"))
    stage.wait_kills(1)
    stage.go(stage.process(container, "later"))
    stage.wait_kills(2)


def _shmem_is_named(mode: EvidenceMode, _machine: Machine, incidents: list[Incident]) -> list[str]:
    if mode is EvidenceMode.COUNTERS:
        return []
    told = [one.memory.shmem_bytes if one.memory is not None else None for one in incidents]
    return [] if all((one or 0) > 12 * MIB for one in told) else [f"shmem at the kills is told as {told}, it was above 12 MiB"]


def swap(stage: Stage) -> None:
    """Limit and swap are both full when the kernel kills."""
    stage.container(["anon", str(96 * MIB)], limits=Limits(16 * MIB, swap_bytes=24 * MIB))
    stage.wait_kills(1, 180)


def _swap_is_named(mode: EvidenceMode, machine: Machine, incidents: list[Incident]) -> list[str]:
    if mode is EvidenceMode.COUNTERS or machine.cgroup_version == 1:
        return []
    told = [one.memory.swap_bytes if one.memory is not None else None for one in incidents]
    return [] if all((one or 0) > 12 * MIB for one in told) else [f"swap at the kill is told as {told}, it was above 12 MiB"]


def throttled(stage: Stage) -> None:
    """memory.high slows a container down; that is no OOM."""
    container = stage.container(["anon", str(24 * MIB), "stay"], limits=Limits(high_bytes=12 * MIB))
    time.sleep(_THROTTLED_SECONDS)
    events = dict(line.split() for line in read(f"{stage.tree.folder(container.cgroup)}/memory.events").splitlines())
    if not int(events.get("high", "0")):
        raise ScenarioError("the kernel throttled nothing: memory.events high is 0")
    stage.notes.append(f"throttled {events['high']} times")


SCENARIOS = (
    Scenario("tmpfs", tmpfs, check=_shmem_is_named),
    Scenario("swap on", swap, needs=(Need.SWAP,), check=_swap_is_named),
    Scenario("memory.high, no kill", throttled, needs=(Need.CGROUP_V2,)),
)
