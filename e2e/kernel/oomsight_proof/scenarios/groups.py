"""Who dies with whom: memory.oom.group, children alone, and the kernel's preferences."""

from __future__ import annotations

import functools

from oomsight_api.incident import Incident
from oomsight_proof.machine import Machine, Need
from oomsight_proof.observer import EvidenceMode
from oomsight_proof.scenarios.model import LOG_FIELDS, Scenario, know
from oomsight_proof.stage import MIB, Stage, named
from oomsight_proof.tree import Limits

_SMALL = Limits(16 * MIB)
_HOG = ["anon", str(64 * MIB)]
_HOLD = ["fork", "{", "anon", str(MIB), "ready", "stay", "}"]


def group(processes: int, stage: Stage) -> None:
    """All of a container's processes die with the one that was chosen."""
    steps = _HOLD * (processes - 1)
    container = stage.container(
        [*steps, *named("hog"), "ready", "await", *_HOG], limits=_SMALL, oom_group=True, own_pid_namespace=False
    )
    stage.wait_ready(container, processes)
    stage.go(stage.process(container, "hog"))
    stage.wait_kills(processes)


def _one_incident(processes: int, mode: EvidenceMode, _machine: Machine, incidents: list[Incident]) -> list[str]:
    if mode is EvidenceMode.COUNTERS:
        return []
    if len(incidents) != 1:
        return [f"one OOM is told as {len(incidents)} incidents"]
    faults = [] if incidents[0].victim_count == processes else [f"victim_count is {incidents[0].victim_count}, it was {processes}"]
    return faults if incidents[0].oom_group else [*faults, f"oom_group is told as {incidents[0].oom_group}"]


def alone(stage: Stage) -> None:
    """Without memory.oom.group the others live on."""
    steps = [*_HOLD * 3, "fork", "{", *named("hog"), "ready", "await", *_HOG, "}", "ready", "stay"]
    container = stage.container(steps, limits=_SMALL)
    stage.wait_ready(container, 5)
    stage.go(stage.process(container, "hog"))
    stage.wait_kills(1)


def children(stage: Stage) -> None:
    """Three workers die one after the other while PID 1 lives."""
    container = stage.container(["repeat", "3", "{", "fork", "{", *_HOG, "}", "reap", "}", "ready", "stay"], limits=_SMALL)
    stage.wait_kills(3)
    stage.wait_ready(container)


def _survived(_mode: EvidenceMode, _machine: Machine, incidents: list[Incident]) -> list[str]:
    told = [one.container_survived for one in incidents]
    return [] if all(told) else [f"container_survived is told as {told}, it did"]


def negative(stage: Stage) -> None:
    """A process that may not die holds more than the one that does; then one dies although it has a negative score."""
    protected = ["fork", "{", "adj", "-1000", "anon", str(11 * MIB), "ready", "stay", "}"]
    held = stage.container([*protected, "fork", "{", *named("hog"), "ready", "await", *_HOG, "}", "ready", "stay"], limits=_SMALL)
    stage.wait_ready(held, 3)
    stage.go(stage.process(held, "hog"))
    stage.wait_kills(1)
    stage.container(["adj", "-500", *_HOG], limits=_SMALL)
    stage.wait_kills(2)


def _negative_told(mode: EvidenceMode, _machine: Machine, incidents: list[Incident]) -> list[str]:
    if mode is EvidenceMode.COUNTERS:
        return []
    adjs = sorted(victim.oom_score_adj for one in incidents for victim in one.victims if victim.oom_score_adj is not None)
    return [] if adjs == [-500, 0] else [f"oom_score_adj of the victims is told as {adjs}, it was [-500, 0]"]


_GROUP_FIELDS = know(LOG_FIELDS, ())

SCENARIOS = (
    *(
        Scenario(
            f"oom.group, {processes} process{'es' if processes > 1 else ''}",
            functools.partial(group, processes),
            needs=(Need.CGROUP_V2,),
            must_know=_GROUP_FIELDS,
            check=functools.partial(_one_incident, processes),
        )
        for processes in (1, 3, 8)
    ),
    Scenario("no oom.group, 5 processes", alone),
    Scenario("children while PID 1 lives", children, check=_survived),
    Scenario("negative oom_score_adj", negative, needs=(Need.NEGATIVE_ADJ,), check=_negative_told),
)
