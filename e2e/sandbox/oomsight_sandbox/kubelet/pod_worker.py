"""Takes one pod through its life: init containers in order, then sidecars and apps, restarts with back-off, status, removal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from oomsight_sandbox.kubelet.api import Api, RequestError
from oomsight_sandbox.kubelet.containers import ContainerCreateError, Node, PodSandbox, RunningContainer
from oomsight_sandbox.kubelet.processes import StartError
from oomsight_sandbox.kubelet.resources import Object, ResourceError, all_containers, is_sidecar
from oomsight_sandbox.kubelet.status import ContainerKind, ContainerState, Ended, back_off_seconds, must_restart, pod_status

STABLE_SECONDS = 600.0
"""A run of this length makes the back-off start anew (twice the kubelet's longest wait)."""
START_ERROR_EXIT_CODE = 128
_STATUS_RETRY_SECONDS = 0.5
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Timing:
    """Waits of the stand-in; a kubelet's back-off is 10 s doubling to 300 s."""

    back_off_base_seconds: float = 10.0
    back_off_cap_seconds: float = 300.0
    stop_grace_seconds: float = 2.0


class PodWorker:
    """One pod on this node. `run()` lives until it is cancelled or the pod's containers are done; then `close()`."""

    def __init__(self, api: Api, node: Node, pod: dict[str, Any], *, host_ip: str, timing: Timing, tell: Tell) -> None:
        self._api = api
        self._node = node
        self._pod = pod
        self._spec: Object = pod["spec"]
        self._host_ip = host_ip
        self._timing = timing
        self._tell = tell
        self._sandbox = PodSandbox(node, pod)
        self._start_seconds = time.time()
        self._running: dict[str, RunningContainer] = {}
        self._changed = asyncio.Event()
        self._published: dict[str, Any] = dict(pod.get("status") or {})
        self._states = {
            container["name"]: ContainerState(container["name"], self._kind(container), image=container.get("image") or "")
            for container in all_containers(self._spec)
        }

    @property
    def name(self) -> str:
        return f"{self._pod['metadata']['namespace']}/{self._pod['metadata']['name']}"

    def _kind(self, container: Object) -> ContainerKind:
        if container in (self._spec.get("initContainers") or ()):
            return "sidecar" if is_sidecar(container) else "init"
        return "app"

    async def run(self) -> None:
        """Run the pod and keep its status up to date."""
        async with asyncio.TaskGroup() as group:
            publisher = group.create_task(self._publish_changes())
            try:
                await self._sandbox.create()
                await self._run_containers()
            except (OSError, ResourceError, ContainerCreateError, StartError) as error:
                self._tell(f"pod {self.name}: cannot be started: {error}")
                self._all_wait("CreatePodSandboxError", str(error))
            await self._publish()
            publisher.cancel()

    async def close(self) -> None:
        """Stop the containers and remove everything that the pod has on this machine."""
        stops = [self._sandbox.stop(running, self._timing.stop_grace_seconds) for running in self._running.values()]
        await asyncio.gather(*stops, return_exceptions=True)
        await self._sandbox.remove()

    async def _run_containers(self) -> None:
        sidecars: list[asyncio.Task[None]] = []
        try:
            for container in self._spec.get("initContainers") or ():
                started = asyncio.Event()
                task = asyncio.create_task(self._supervise(container, started))
                if is_sidecar(container):
                    sidecars.append(task)
                    await started.wait()
                else:
                    await task
                    if not self._states[container["name"]].succeeded:
                        return
            async with asyncio.TaskGroup() as group:
                for container in self._spec.get("containers") or ():
                    group.create_task(self._supervise(container, asyncio.Event()))
        finally:
            for task in sidecars:
                task.cancel()
            await asyncio.gather(*sidecars, return_exceptions=True)

    async def _supervise(self, container: Object, started: asyncio.Event) -> None:
        """Start one container again and again, until its restart policy says that it is done."""
        name = container["name"]
        policy = self._spec.get("restartPolicy") or "Always"
        failures = restarts = 0
        last: Ended | None = None
        while True:
            ended = await self._run_once(container, started, restarts, last)
            if ended is None:
                return
            last, restarts = ended, restarts + 1
            state = self._states[name]
            if not must_restart(policy, state.kind, ended.exit_code):
                return
            failures = 1 if ended.finished_seconds - ended.started_seconds > STABLE_SECONDS else failures + 1
            wait = back_off_seconds(failures, self._timing.back_off_base_seconds, self._timing.back_off_cap_seconds)
            if wait > 0:
                message = f"back-off {wait:g}s restarting failed container={name} pod={self._pod['metadata']['name']}"
                self._set(replace(state, ended=None, last=ended, waiting_reason="CrashLoopBackOff", waiting_message=message))
                await asyncio.sleep(wait)

    async def _run_once(self, container: Object, started: asyncio.Event, restarts: int, last: Ended | None) -> Ended | None:
        """One run from start to end; None when the spec cannot be run at all. Until it runs, its state stays what it was."""
        name = container["name"]
        state = self._states[name]
        begun = time.time()
        try:
            running = await self._sandbox.start(container, restarts)
        except (ContainerCreateError, ResourceError) as error:
            self._tell(f"pod {self.name}: container {name} cannot be created: {error}")
            self._set(replace(state, waiting_reason="CreateContainerConfigError", waiting_message=str(error)))
            return None
        except (StartError, OSError) as error:
            self._tell(f"pod {self.name}: container {name} cannot be started: {error}")
            ended = Ended("0" * 64, START_ERROR_EXIT_CODE, "StartError", begun, time.time(), str(error))
            self._set(replace(state, ended=ended, last=last, restart_count=restarts))
            return ended
        self._running[name] = running
        if running.program.oom_score_adj_error:
            self._tell("oom_score_adj below ours needs CAP_SYS_RESOURCE, which is missing: Guaranteed containers keep what we have")
        running_state = replace(
            state,
            container_id=running.container_id,
            running_since_seconds=running.started_seconds,
            restart_count=restarts,
            last=last,
            ended=None,
        )
        self._set(running_state)
        started.set()
        ended = await self._sandbox.wait(running)
        del self._running[name]
        self._set(replace(running_state, running_since_seconds=None, ended=ended))
        return ended

    def _all_wait(self, reason: str, message: str) -> None:
        for state in list(self._states.values()):
            if not state.running and state.ended is None:
                self._set(replace(state, waiting_reason=reason, waiting_message=message))

    def _set(self, state: ContainerState) -> None:
        self._states[state.name] = state
        self._changed.set()

    async def _publish_changes(self) -> None:
        self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._publish()

    async def _publish(self) -> None:
        """Write the status when it differs from what was written; try again while the API server is away."""
        while True:
            status = pod_status(
                self._spec, list(self._states.values()), now_seconds=time.time(), start_seconds=self._start_seconds,
                pod_ip=self._host_ip, host_ip=self._host_ip, previous=self._published,
            )  # fmt: skip
            if status == self._published:
                return
            meta = self._pod["metadata"]
            path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"
            try:
                await self._api.request("PATCH", path, {"metadata": {"uid": meta["uid"]}, "status": status}, patch=True)
            except RequestError as error:
                if error.status in (404, 409):
                    return  # gone, or another pod of that name: its deletion is on the way to us
                await asyncio.sleep(_STATUS_RETRY_SECONDS)
                continue
            self._published = status
            return
