"""Many kills at once, and agents that are killed themselves."""

from __future__ import annotations

import time

from oomsight_proof.scenarios.model import LOG_FIELDS, Scenario, know
from oomsight_proof.stage import MIB, Container, Stage
from oomsight_proof.tree import Limits

_CONTAINERS, _KILLS_EACH = 40, 25
_STORM_SECONDS = 300.0


def storm(stage: Stage) -> None:
    """1,000 workers of 40 containers die as fast as they come."""
    worker = ["fork", "{", "adj", "1000", "anon", str(16 * MIB), "}", "reap"]
    began = time.monotonic()
    pods = [stage.pod() for _ in range(_CONTAINERS // 4)]
    containers = [
        stage.container(["ready", "await", "repeat", str(_KILLS_EACH), "{", *worker, "}", "stay"], pod=pod, limits=Limits(3 * MIB))
        for pod in pods
        for _ in range(4)
    ]
    for container in containers:
        stage.wait_ready(container)
    began = time.monotonic()
    for container in containers:
        stage.go(stage.processes(container)[0])
    stage.wait_kills(_CONTAINERS * _KILLS_EACH, _STORM_SECONDS)
    stage.notes.append(f"in {time.monotonic() - began:.1f} s")


def _worker_pool(stage: Stage) -> Container:
    """A container whose init starts a worker that dies at each signal."""
    steps = ["ready", "repeat", "100", "{", "await", "fork", "{", "anon", str(64 * MIB), "}", "reap", "}", "stay"]
    container = stage.container(steps, limits=Limits(16 * MIB))
    stage.wait_ready(container)
    return container


def _kill_one(stage: Stage, container: Container) -> None:
    count = len(stage.killed()) + 1
    stage.go(stage.processes(container)[0])
    stage.wait_kills(count)
    time.sleep(0.7)  # the kernel writes ten headers in five seconds


def restarts(stage: Stage) -> None:
    """Agents get SIGKILL before, at and after kills, and start again."""
    first, second = _worker_pool(stage), _worker_pool(stage)
    for _ in range(3):
        _kill_one(stage, first)
    stage.let_agents_see(first)
    for observer in stage.observers:
        observer.kill()
    for container in (first, second, first):
        _kill_one(stage, container)
    for observer in stage.observers:
        observer.start()
    for _ in range(2):
        count = len(stage.killed()) + 1
        stage.go(stage.processes(second)[0])
        for observer in stage.observers:
            observer.kill()
        stage.wait_kills(count)
        for observer in stage.observers:
            observer.start()
    for container in (first, second):
        _kill_one(stage, container)


SCENARIOS = (
    Scenario("1,000 kills at once", storm, must_know=know((), ()), lines_are_dropped=True, quiet_seconds=10),
    Scenario("agent killed and restarted", restarts, must_know=know(LOG_FIELDS, ("container",)), rows_count=True, quiet_seconds=5),
)
