"""Whose limit was hit: the container's, the pod's, one nested inside, a service's, the node."""

from __future__ import annotations

import functools
import time

from oomsight_api.incident import Incident, OomScope
from oomsight_proof.comparison import Expectation
from oomsight_proof.machine import Machine, Need
from oomsight_proof.observer import EvidenceMode
from oomsight_proof.scenarios.model import LOG_FIELDS, Scenario, know
from oomsight_proof.stage import MIB, Stage, named
from oomsight_proof.tree import Driver, Limits

_SMALL = Limits(16 * MIB)
_HOG = ["anon", str(64 * MIB)]


def container_oom(driver: Driver, stage: Stage) -> None:
    """PID 1 of a container outgrows the container's limit."""
    stage.container([*_HOG], pod=stage.pod(driver=driver), limits=_SMALL)
    stage.wait_kills(1)


def pod_oom(driver: Driver, stage: Stage) -> None:
    """Container A allocates what the pod has no more of; the bigger container B dies of it.

    A may follow, by the same limit: where B is not unmapped in time (oom_reaper gives up after ten tries) the kernel chooses again.
    """
    pod = stage.pod(Limits(36 * MIB), driver)
    trigger = stage.container(["await", "anon", str(20 * MIB), "ready", "stay"], pod=pod)
    assert trigger.container_id is not None
    expected = Expectation(OomScope.POD, pod.cgroup, pod.uid, None, stage.trigger(trigger.container_id))
    trigger.expected = expected
    victim = stage.container(["anon", str(24 * MIB), "ready", "stay"], pod=pod, expected=expected)
    stage.wait_ready(victim)
    stage.go(stage.processes(trigger)[0])
    stage.wait_kills(1)
    stage.wait_ready_or_killed(trigger)


def nested(stage: Stage) -> None:
    """What a container makes inside itself, as Docker in Docker does, has its own limit."""
    container = stage.container(
        lambda folder: [
            "fork",
            "{",
            *named("inner"),
            "ready",
            "await",
            "enter",
            f"{folder}/docker/cgroup.procs",
            *_HOG,
            "}",
            "stay",
        ],
        limits=Limits(64 * MIB),
        inside="init.scope",
    )
    inner = stage.make_nested(container, "docker", _SMALL)
    container.expected = Expectation(OomScope.CGROUP, inner, check_limit_owner=False)
    stage.wait_ready(container)
    stage.go(stage.process(container, "inner"))
    stage.wait_kills(1)


def service(stage: Stage) -> None:
    """A system service in its own cgroup, outside every pod."""
    stage.service("demo.service", _HOG, _SMALL)
    stage.wait_kills(1)


def recreated(stage: Stage) -> None:
    """The kubelet starts a killed container anew: another container of the same pod."""
    pod = stage.pod()
    for number in (1, 2, 3):
        container = stage.container(_HOG, pod=pod, limits=_SMALL)
        stage.wait_kills(number)
        stage.let_agents_see(container)
        stage.remove(container)


def new_tree(stage: Stage) -> None:
    """The first pod of a kubelet that starts after the agent, under a name of its own, as a cluster in a container is."""
    stage.container([*_HOG], pod=stage.pod(below=f"kind-{time.monotonic_ns()}"), limits=_SMALL)
    stage.wait_kills(1)


def vanishing(stage: Stage) -> None:
    """The runtime removes the cgroup the moment that its last process is dead; at last the pod's, too."""
    pod = stage.pod()
    for number in (1, 2, 3, 4):
        container = stage.container(_HOG, pod=pod, limits=_SMALL)
        stage.wait_kills(number)
        stage.remove(container)
    stage.remove_pod(pod)


def node_oom(stage: Stage) -> None:
    """The node itself runs out; the kernel takes the one with oom_score_adj 1000, in a pod and then in a service."""
    expected = Expectation(OomScope.NODE)
    steps = ["adj", "1000", "anon", str(1 << 40)]
    stage.container(steps, limits=Limits(swap_bytes=0), expected=expected)
    stage.wait_kills(1, 300)
    stage.service("greedy.service", steps, Limits(swap_bytes=0), expected)
    stage.wait_kills(2, 300)


def _container_memory(mode: EvidenceMode, _machine: Machine, incidents: list[Incident]) -> list[str]:
    """What filled it, and that it ended with its PID 1."""
    faults = [
        f"container_survived is told as {one.container_survived}, it ended"
        for one in incidents
        if one.container_survived is not False
    ]
    if mode is EvidenceMode.COUNTERS:
        return faults
    for one in incidents:
        memory = one.memory
        if memory is None or memory.limit_bytes != _SMALL.max_bytes or (memory.anon_bytes or 0) < 12 * MIB:
            faults.append(f"memory at the kill is told as {memory}, it was 16 MiB of mostly anonymous memory")
        if {victim.pid for victim in one.victims} - {task.pid for task in one.tasks}:
            faults.append("the victim is not in the task table")
    return faults


def _node_memory(mode: EvidenceMode, _machine: Machine, incidents: list[Incident]) -> list[str]:
    if mode is EvidenceMode.COUNTERS:
        return []
    return [f"{one.id}: no free memory told" for one in incidents if one.memory is None or one.memory.free_bytes is None]


_NO_OWNER = know(LOG_FIELDS, ())

SCENARIOS = (
    Scenario("container", functools.partial(container_oom, Driver.CGROUPFS), check=_container_memory),
    Scenario("container, systemd names", functools.partial(container_oom, Driver.SYSTEMD), check=_container_memory),
    Scenario(
        "pod: B dies of A", functools.partial(pod_oom, Driver.CGROUPFS), must_know=know((*LOG_FIELDS, "trigger"), ("container",))
    ),
    Scenario(
        "pod: B dies of A, systemd names",
        functools.partial(pod_oom, Driver.SYSTEMD),
        must_know=know((*LOG_FIELDS, "trigger"), ("container",)),
    ),
    Scenario("nested in a container", nested),
    Scenario("first pod of a new tree", new_tree, check=_container_memory, quiet_seconds=15),
    Scenario("service outside pods", service, must_know=_NO_OWNER),
    Scenario("container re-created", recreated),
    Scenario("cgroup gone at once", vanishing, must_know=_NO_OWNER),
    Scenario("node", node_oom, needs=(Need.NODE_OOM,), must_know=_NO_OWNER, check=_node_memory),
)
