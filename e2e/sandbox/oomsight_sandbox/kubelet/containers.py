"""Runs containers: a cgroup, a process in it, a log file with the link a node has, and the reason when it ends.

There are no images and no mount namespaces: a container's command is a program of this machine, and a path below one of its
mountPaths is replaced by the volume's folder on this machine.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from oomsight_sandbox.kubelet.cgroups import CgroupRemovalError, Cgroups
from oomsight_sandbox.kubelet.processes import Program, RunningProgram, StartError, start
from oomsight_sandbox.kubelet.resources import (
    SANDBOX_OOM_SCORE_ADJ,
    Object,
    memory_bytes,
    oom_score_adj,
    pod_limit_bytes,
    qos_class,
)
from oomsight_sandbox.kubelet.status import Ended, end_reason

SINGLE_PROCESS_OOM_KILL = "sandbox.oomsight.dev/single-process-oom-kill"
"""Pod annotation: `"true"` does what the kubelet's `singleProcessOOMKill` (1.32) does, for this pod: no memory.oom.group on v2."""


class ContainerCreateError(Exception):
    """The container's spec asks for what this stand-in cannot give; the message says what."""


@dataclass(frozen=True, slots=True)
class Node:
    """What the runtime needs to know of its machine. `programs`: what a command's first word stands for, by that word."""

    memory_bytes: int
    run_directory: str
    shared_memory_directory: str
    cgroups: Cgroups | None
    programs: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def container_log_directory(self) -> str:
        """As /var/log/containers."""
        return os.path.join(self.run_directory, "log", "containers")

    def pod_log_directory(self, pod: Object) -> str:
        """As /var/log/pods/<namespace>_<pod>_<uid>."""
        meta = pod["metadata"]
        return os.path.join(self.run_directory, "log", "pods", f"{meta['namespace']}_{meta['name']}_{meta['uid']}")


@dataclass(slots=True)
class RunningContainer:
    """One run of a container."""

    container_id: str
    started_seconds: float
    program: RunningProgram
    cgroup: str | None

    @property
    def pid(self) -> int:
        return self.program.pid


class PodSandbox:
    """A pod on this machine: its cgroup, its pause process, its volumes; containers are started in it."""

    def __init__(self, node: Node, pod: Object) -> None:
        self._node = node
        self._pod = pod
        self._spec: Object = pod["spec"]
        self._cgroup: str | None = None
        self._pause: RunningProgram | None = None
        self._links: dict[str, str] = {}
        uid = pod["metadata"]["uid"]
        self._directory = os.path.join(node.run_directory, "pods", uid)
        self._shared_memory = os.path.join(node.shared_memory_directory, uid)

    async def create(self) -> None:
        """Make the pod's cgroup, with the sandbox process that a runtime keeps in each pod, and its volumes."""
        os.makedirs(self._directory, exist_ok=True)
        for volume in self._spec.get("volumes") or ():
            os.makedirs(self._volume_path(volume), exist_ok=True)
        if self._node.cgroups is None:
            return
        uid = self._pod["metadata"]["uid"]
        self._cgroup = self._node.cgroups.make_pod(uid, qos_class(self._spec), pod_limit_bytes(self._spec))
        pause = self._node.cgroups.make_container(self._cgroup, secrets.token_hex(32), None, oom_group=False)
        log = os.path.join(self._directory, "pause.log")
        # A link, so that the process is called as it is on every node.
        program_path = os.path.join(self._directory, "pause")
        os.symlink(shutil.which("sleep") or "/bin/sleep", program_path)
        program = Program([program_path, "infinity"], os.environ, self._directory, log, pause, SANDBOX_OOM_SCORE_ADJ)
        self._pause = await start(program)

    async def start(self, container: Object, restart_count: int) -> RunningContainer:
        """Start one run of a container. Raises ContainerCreateError (nothing was made) or StartError."""
        argv = self._argv(container)
        container_id = secrets.token_hex(32)
        cgroup = None
        if self._node.cgroups is not None and self._cgroup is not None:
            annotations = self._pod["metadata"].get("annotations") or {}
            cgroup = self._node.cgroups.make_container(
                self._cgroup,
                container_id,
                memory_bytes(container, "limits"),
                oom_group=annotations.get(SINGLE_PROCESS_OOM_KILL) != "true",
            )
        adj = oom_score_adj(self._spec, container, self._node.memory_bytes)
        log = self._make_log(container["name"], container_id, restart_count)
        started = time.time()
        try:
            program = await start(Program(argv, self._environment(container), self._directory, log, cgroup, adj))
        except StartError:
            await self._remove(cgroup)
            raise
        return RunningContainer(container_id, started, program, cgroup)

    async def wait(self, running: RunningContainer) -> Ended:
        """Wait for the container's first process; what else runs in it then is killed, as with a pid namespace."""
        exit_code = await running.program.wait()
        finished = time.time()
        kills = 0
        if self._node.cgroups is not None and running.cgroup is not None:
            kills = self._node.cgroups.oom_kills(running.cgroup)
            await self._remove(running.cgroup)
        else:
            running.program.kill_session()
        reason = end_reason(exit_code, kills)
        return Ended(running.container_id, exit_code, reason, running.started_seconds, finished)

    async def stop(self, running: RunningContainer, grace_seconds: float) -> None:
        """SIGTERM, and SIGKILL for everything in the container when the grace is over."""
        running.program.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_seconds):
                await running.program.wait()
        except TimeoutError:
            if running.cgroup is not None:
                await self._remove(running.cgroup)
            running.program.kill_session()

    async def remove(self) -> None:
        """Everything of the pod goes: processes, cgroups, volumes, logs. Fine when half of it was never made."""
        await self._remove(self._cgroup)
        if self._pause is not None:
            await self._pause.wait()
        for link in self._links.values():
            with suppress(OSError):
                os.unlink(link)
        for path in (self._directory, self._shared_memory, self._node.pod_log_directory(self._pod)):
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def _remove(self, cgroup: str | None) -> None:
        if self._node.cgroups is not None and cgroup is not None:
            with suppress(CgroupRemovalError):  # the base's own removal tries again, and tells
                await asyncio.to_thread(self._node.cgroups.remove, cgroup)

    def _argv(self, container: Object) -> list[str]:
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        if not container.get("command"):
            raise ContainerCreateError(
                "the sandbox has no images: give the container a command, it runs as a program of this machine"
            )
        program = self._node.programs.get(words[0], words[:1])
        return [*program, *(self._on_this_machine(container, word) for word in words[1:])]

    def _on_this_machine(self, container: Object, word: str) -> str:
        """`/cache/x` and `--directory=/cache/x` with the folder of the volume mounted at /cache."""
        flag, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
        volumes = {volume["name"]: volume for volume in self._spec.get("volumes") or ()}
        for mount in container.get("volumeMounts") or ():
            path = mount["mountPath"].rstrip("/")
            if mount["name"] in volumes and (value == path or value.startswith(path + "/")):
                return f"{flag}{equals}{self._volume_path(volumes[mount['name']])}{value[len(path) :]}"
        return word

    def _volume_path(self, volume: Object) -> str:
        """An emptyDir's folder: on disk, or in /dev/shm with `medium: Memory`."""
        if "emptyDir" not in volume:
            raise ContainerCreateError(f"volume {volume.get('name')}: the sandbox knows emptyDir volumes only")
        in_memory = (volume["emptyDir"] or {}).get("medium") == "Memory"
        return os.path.join(self._shared_memory if in_memory else self._directory, "volumes", os.path.basename(volume["name"]))

    def _environment(self, container: Object) -> dict[str, str]:
        own = {variable["name"]: str(variable["value"]) for variable in container.get("env") or () if "value" in variable}
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": self._directory,
            "HOSTNAME": self._pod["metadata"]["name"],
            **own,
        }

    def _make_log(self, name: str, container_id: str, restart_count: int) -> str:
        folder = os.path.join(self._node.pod_log_directory(self._pod), name)
        os.makedirs(folder, exist_ok=True)
        os.makedirs(self._node.container_log_directory, exist_ok=True)
        log = os.path.join(folder, f"{restart_count}.log")
        meta = self._pod["metadata"]
        link_name = f"{meta['name']}_{meta['namespace']}_{name}-{container_id}.log"
        if len(link_name) > 251:  # the kubelet cuts the whole name, and may so lose the id (logSymlink)
            link_name = link_name[:251] + ".log"
        link = os.path.join(self._node.container_log_directory, link_name)
        with suppress(FileExistsError):
            os.symlink(log, link)
        if (old := self._links.get(name)) and old != link:
            with suppress(OSError):
                os.unlink(old)
        self._links[name] = link
        return log
