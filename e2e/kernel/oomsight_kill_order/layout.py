"""Builds a scenario: its pods, containers and processes in real cgroups, each process at its size and waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oomsight_kill_order.scenario import KIB, MIB, Asker, Container, Domain, Process, Scenario, Trigger
from oomsight_proof import stage as proof
from oomsight_proof.stage import Stage, named
from oomsight_proof.tree import Driver, pod_path
from oomsight_proof.witness import Seen

NESTED = "nested"
"""The cgroup that a container makes inside itself."""
FIRST = "init.scope"
"""Where the other processes of such a container live: v2 allows none beside a cgroup."""
ASKER = "asker"
ASKED = "asked"
"""The asker's name once it has what it asked for."""
ASKED_BYTES = MIB
NODE_STEP_BYTES = 256 * KIB


@dataclass(frozen=True, slots=True)
class Built:
    """A scenario that stands."""

    domain: str | None
    """The cgroup whose memory runs out; None: the node."""
    container: proof.Container
    """The domain's first container."""
    asker: proof.Container | None
    """Where the asker runs; None: the trigger needs none."""

    def asker_process(self, stage: Stage) -> Seen | None:
        """Under either of its names."""
        if self.asker is None:
            return None
        return next((seen for seen in stage.processes(self.asker) if seen.name in {ASKER, ASKED}), None)


def build(stage: Stage, scenario: Scenario) -> Built:
    """Start all of it and wait until every process is ready. Raises ScenarioError."""
    started: list[tuple[proof.Container, int]] = []
    asks_inside = scenario.trigger is Trigger.CHARGE and scenario.domain is not Domain.NODE
    for containers in scenario.pods:
        pod = stage.pod(below=own_tree(scenario))
        if scenario.pod_oom_group:
            stage.tree.set_oom_group(pod.cgroup)
        for container in containers:
            asker = scenario.asker if asks_inside and not started else None
            started.append((_start(stage, scenario, container, pod, asker), len(container.processes) + (asker is not None)))
    for number, service in enumerate(scenario.services):
        steps = container_steps(service, "", None, in_nested=False, mapped=mapped_file(stage.folder))
        started.append((stage.service(f"demo-{number}.service", steps, None), len(service.processes)))
    first = started[0][0]
    if scenario.trigger is Trigger.CHARGE and not asks_inside:
        steps = asker_steps(scenario.asker, None, ["oom", str(NODE_STEP_BYTES)])
        started.append((stage.service("asker.service", steps, None), 1))
    for one, count in started:
        stage.wait_ready(one, count)
    asker_home = None if scenario.trigger is not Trigger.CHARGE else first if asks_inside else started[-1][0]
    return Built(_domain(stage, scenario, first), first, asker_home)


def own_tree(scenario: Scenario) -> str:
    """Where its pods are, below our root: a cgroup above them that gets a limit is there for this scenario alone."""
    return f"trial-{scenario.number}" if scenario.domain is Domain.KUBEPODS else ""


def _domain(stage: Stage, scenario: Scenario, first: proof.Container) -> str | None:
    match scenario.domain:
        case Domain.CONTAINER:
            return first.cgroup
        case Domain.NESTED:
            return f"{first.cgroup}/{NESTED}"
        case Domain.POD:
            return stage.pods[0].cgroup
        case Domain.KUBEPODS:
            return f"{stage.tree.root}/{own_tree(scenario)}/{pod_path(Driver.CGROUPFS, '').partition('/')[0]}"
        case Domain.NODE:
            return None


def _start(stage: Stage, scenario: Scenario, container: Container, pod: proof.Pod, asker: Asker | None) -> proof.Container:
    in_nested = scenario.domain is Domain.NESTED

    def steps(folder: str) -> list[str]:
        return container_steps(container, folder, asker, in_nested=in_nested, mapped=mapped_file(stage.folder))

    started = stage.container(
        steps,
        pod=pod,
        own_pid_namespace=False,
        oom_group=container.oom_group,
        inside=FIRST if container.nests else "",
        nested=(NESTED,) if container.nests else (),
    )
    if container.nested_oom_group:
        stage.tree.set_oom_group(f"{started.cgroup}/{NESTED}")
    return started


def mapped_file(folder: str) -> str:
    """The file that processes map, in the folder of the run."""
    return f"{folder}/mapped"


def container_steps(container: Container, folder: str, asker: Asker | None, *, in_nested: bool, mapped: str) -> list[str]:
    """What its first process does (`cell.c`): the others first, so that they inherit none of its memory."""
    first, *others = container.processes
    procs = f"{folder}/{NESTED}/cgroup.procs"
    steps = ["adj", str(first.oom_score_adj)]
    if container.shared_bytes:
        steps += ["share", str(container.shared_bytes)]
    for process in others:
        enter = ["enter", procs] if process.nested else []
        steps += ["fork", "{", "adj", str(process.oom_score_adj), *enter, *_size(process, mapped), "}"]
    if asker is not None:
        steps += ["fork", "{", *asker_steps(asker, procs if in_nested else None, ["anon", str(ASKED_BYTES)]), "}"]
    return [*steps, *_size(first, mapped)]


def asker_steps(asker: Asker, procs: str | None, asks: Sequence[str]) -> list[str]:
    """The process that asks for more once it is told to go."""
    enter = ["enter", procs] if procs else []
    size = ["anon", str(asker.anon_bytes)] if asker.anon_bytes else []
    return ["adj", str(asker.oom_score_adj), *enter, *named(ASKER), *size, "ready", "await", *asks, *named(ASKED), "stay"]


def _size(process: Process, mapped: str) -> list[str]:
    steps = [*named(process.name), "anon", str(process.anon_bytes)]
    if process.shared_bytes:
        steps += ["touch", str(process.shared_bytes)]
    if process.mapped_bytes:
        steps += ["map", mapped, str(process.mapped_bytes)]
    if process.page_tables:
        steps += ["tables", str(process.page_tables)]
    return [*steps, "ready", "stay"]
