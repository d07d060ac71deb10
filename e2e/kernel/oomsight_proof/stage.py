"""What a scenario works with: pods and containers with real processes in real cgroups, and the truth about who was killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from oomsight_api.incident import OomScope
from oomsight_proof.comparison import Expectation, Kill
from oomsight_proof.consumer import Ours
from oomsight_proof.machine import Machine
from oomsight_proof.observer import Observer
from oomsight_proof.tree import Driver, Limits, Tree, container_name, pod_path
from oomsight_proof.witness import Seen, Witness

MIB = 1 << 20
_READY_SECONDS = 60.0


class ScenarioError(Exception):
    """The scenario did not happen as it should; the message says what was waited for."""


@dataclass(slots=True)
class Pod:
    """A pod's cgroup."""

    uid: str
    driver: Driver
    path: str
    cgroup: str
    """From the hierarchy's root."""


@dataclass(slots=True)
class Container:
    """A container (or, without a pod, a service) and the process that waits for its processes."""

    tag: str
    cgroup: str
    pod: Pod | None
    container_id: str | None
    own_pid_namespace: bool
    expected: Expectation
    shim: subprocess.Popen[bytes] | None = None
    removed: bool = False


@dataclass(slots=True)
class Stage:
    """One scenario's. Everything made here is gone after `close()`."""

    machine: Machine
    tree: Tree
    witness: Witness
    cell: str
    folder: str
    observers: Sequence[Observer]
    pods: list[Pod] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    since_seconds: float = field(default_factory=time.time)

    def pod(self, limits: Limits | None = None, driver: Driver = Driver.CGROUPFS, below: str = "") -> Pod:
        """A Burstable pod without containers; `below`: in a tree of its own."""
        uid = str(uuid.UUID(int=random.getrandbits(128), version=4))
        path = f"{below}/{pod_path(driver, uid)}".strip("/")
        pod = Pod(uid, driver, path, self.tree.make(path, limits))
        self.pods.append(pod)
        return pod

    def container(
        self,
        steps: Sequence[str] | Callable[[str], Sequence[str]],
        *,
        pod: Pod | None = None,
        limits: Limits | None = None,
        own_pid_namespace: bool = True,
        oom_group: bool = False,
        expected: Expectation | None = None,
        inside: str = "",
        nested: Sequence[str] = (),
    ) -> Container:
        """Start one with these steps as its first process (`cell.c`), or with what they are for the container's folder.

        inside: the nested cgroup where that process lives; nested: others that are there before it starts.
        """
        pod = pod or self.pod()
        container_id = random.randbytes(32).hex()
        path = f"{pod.path}/{container_name(pod.driver, container_id)}"
        cgroup = self.tree.make(path, limits, leaf=not inside)
        home = self.tree.make(f"{path}/{inside}", leaf=True) if inside else cgroup
        for name in nested:
            self.tree.make(f"{path}/{name}", leaf=True)
        if oom_group:
            self.tree.set_oom_group(cgroup)
        default = Expectation(OomScope.CONTAINER, cgroup, pod.uid, container_id, self.trigger(container_id))
        container = Container(container_id, cgroup, pod, container_id, own_pid_namespace, expected or default)
        self._start(container, home, steps(self.tree.folder(cgroup)) if callable(steps) else steps)
        return container

    def make_nested(self, container: Container, name: str, limits: Limits) -> str:
        """A cgroup inside a container; gives its path."""
        return self.tree.make(f"{container.cgroup.removeprefix(self.tree.root)}/{name}", limits, leaf=True)

    def let_agents_see(self, container: Container) -> None:
        """Until every agent's row of the container has counted its kills, as within the seconds that a runtime leaves it there."""
        assert container.container_id is not None
        key, kills = container.container_id, len(self.witness.killed({container.tag}))
        for observer in self.observers:
            observer.wait(lambda observer=observer: observer.told().container_kills.get(key, 0) >= kills, 10)  # type: ignore[misc]

    def service(self, name: str, steps: Sequence[str], limits: Limits | None, expected: Expectation | None = None) -> Container:
        """A system service: in a cgroup, in no pod."""
        cgroup = self.tree.make(f"system.slice/{name}", limits, leaf=True)
        default = Expectation(OomScope.CGROUP, cgroup)
        container = Container(f"{name}-{len(self.containers)}", cgroup, None, None, False, expected or default)
        self._start(container, cgroup, steps)
        return container

    def trigger(self, container_id: str) -> str | None:
        """What a trigger in this container is expected to be told as."""
        return container_id if self.machine.cpuset else None

    def _start(self, container: Container, home: str, steps: Sequence[str]) -> None:
        self.containers.append(container)
        theirs = self.witness.theirs.fileno()
        files = ",".join(self.tree.procs_files(home))
        namespace = "1" if container.own_pid_namespace else "0"
        command = [self.cell, str(theirs), container.tag, namespace, files, *steps]
        container.shim = subprocess.Popen(command, pass_fds=[theirs], stdin=subprocess.DEVNULL)
        self.witness.expect_shim(container.shim.pid)

    def processes(self, container: Container) -> list[Seen]:
        """Its processes in the order of their start, dead ones included."""
        return self.witness.all(container.tag)

    def process(self, container: Container, name: str) -> Seen:
        """The one of this name, or the latest of them."""
        return next(seen for seen in reversed(self.processes(container)) if seen.name == name)

    def wait_ready(self, container: Container, count: int = 1) -> None:
        """Until so many of its processes have said that they are ready."""
        self._wait(
            lambda: sum(seen.ready for seen in self.witness.all(container.tag)) >= count,
            f"{count} ready processes in {container.tag[:12]}",
            _READY_SECONDS,
        )

    def wait_ready_or_killed(self, container: Container) -> None:
        """Until one of its processes has said that it is ready, or the kernel has killed it."""
        self._wait(
            lambda: any(seen.ready for seen in self.witness.all(container.tag)) or bool(self.witness.killed({container.tag})),
            f"a ready or killed process in {container.tag[:12]}",
            _READY_SECONDS,
        )

    def wait_kills(self, count: int, seconds: float = _READY_SECONDS) -> None:
        """Until the kernel has killed so many of this scenario's processes."""
        self._wait(lambda: len(self.killed()) >= count, f"{count} kills", seconds)

    def _wait(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        if not self.witness.wait(lambda: condition() or bool(self.witness.failures()), seconds):
            raise ScenarioError(f"waited {seconds:g} s for {what}; killed so far: {len(self.killed())}")
        if self.witness.failures():
            raise ScenarioError(f"a step failed: {self.witness.failures()[0]}")

    def go(self, seen: Seen) -> None:
        """Let a process that does `await` go on."""
        os.kill(seen.pid, signal.SIGUSR1)

    def killed(self) -> list[Seen]:
        """Whom the kernel killed."""
        return self.witness.killed({container.tag for container in self.containers})

    def kills(self) -> list[Kill]:
        """The same with what must be told of them."""
        by_tag = {container.tag: container for container in self.containers}
        kills = []
        for seen in self.killed():
            container = by_tag[seen.tag]
            is_init = seen.own_pid == 1 if container.own_pid_namespace else None
            pod_uid = container.pod.uid if container.pod else None
            kills.append(Kill(seen.pid, seen.name, container.container_id, pod_uid, container.cgroup, container.expected, is_init))
        return kills

    def ours(self) -> Ours:
        """What an incident must be of to count here."""
        tags = {container.tag for container in self.containers}
        return Ours(
            self.tree.root,
            frozenset(container.container_id for container in self.containers if container.container_id),
            frozenset(pod.uid for pod in self.pods),
            frozenset(seen.pid for seen in self.witness.all() if seen.tag in tags),
            self.since_seconds - 1,
        )

    def tmpfs(self) -> str:
        """A fresh tmpfs of 256 MiB; gives its folder."""
        folder = os.path.join(self.folder, f"tmpfs-{len(self.mounts)}-{random.randbytes(4).hex()}")
        os.mkdir(folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "oomsight-proof", folder], check=True)
        self.mounts.append(folder)
        return folder

    def remove(self, container: Container) -> None:
        """End what is left of a container and remove its cgroup, at once where nothing is left."""
        self.witness.end(container.tag)
        container.removed = True
        self.tree.remove(container.cgroup)
        if container.shim is not None:
            container.shim.wait(10)

    def remove_pod(self, pod: Pod) -> None:
        """The pod with all its containers."""
        for container in self.containers:
            if container.pod is pod and not container.removed:
                self.remove(container)
        self.tree.remove(pod.cgroup)

    def close(self) -> None:
        """End and remove everything that this scenario made."""
        for container in self.containers:
            self.witness.end(container.tag)
        for container in self.containers:
            if not container.removed:
                self.tree.remove(container.cgroup)
            if container.shim is not None and container.shim.poll() is None:
                try:
                    container.shim.wait(2)
                except subprocess.TimeoutExpired:
                    container.shim.kill()
                    container.shim.wait()
        for pod in self.pods:
            self.tree.remove(pod.cgroup)
        for folder in self.mounts:
            subprocess.run(["umount", "-l", folder], check=False)
            with suppress(OSError):
                os.rmdir(folder)
        self.mounts.clear()


def named(name: str) -> list[str]:
    """The steps that give a process its name."""
    return ["name", name.encode().hex()]
