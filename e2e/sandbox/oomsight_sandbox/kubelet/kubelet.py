"""The stand-in itself: makes its Node object, binds unbound pods to it (it is the scheduler as well), and runs one worker a pod."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from oomsight_sandbox.kubelet.api import Api, RequestError
from oomsight_sandbox.kubelet.containers import Node
from oomsight_sandbox.kubelet.pod_worker import PodWorker, Tell, Timing
from oomsight_sandbox.kubelet.resources import Object
from oomsight_sandbox.kubelet.status import timestamp

HOST_IP = "127.0.0.1"
_FINISHED = ("Succeeded", "Failed")


def runs_every_pod(pod: Object) -> bool:
    """The ordinary choice: each pod bound to the node is run."""
    return True


class Kubelet:
    """One node. `run()` follows the API until cancelled; `close()` stops every pod and removes what they have here."""

    def __init__(
        self, api: Api, node: Node, node_name: str, *, timing: Timing, tell: Tell, runs: Callable[[Object], bool] = runs_every_pod
    ) -> None:
        self._api = api
        self._node = node
        self._node_name = node_name
        self._timing = timing
        self._tell = tell
        self._runs = runs
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._said: set[str] = set()

    async def register(self) -> None:
        """Create or refresh the Node object. Raises RequestError."""
        name = self._node_name
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {}}
        try:
            await self._api.request("POST", "/api/v1/nodes", node)
        except RequestError as error:
            if error.status != 409:
                raise
        await self._api.request(
            "PATCH", f"/api/v1/nodes/{name}/status", {"status": node_status(self._node, time.time())}, patch=True
        )

    async def run(self) -> None:
        """Follow the pods for ever."""
        async for change in self._api.follow("/api/v1/pods"):
            pod = change.item
            uid = pod["metadata"]["uid"]
            if change.kind == "gone":
                self._stop_soon(uid, None)
            elif not (node_name := pod["spec"].get("nodeName")):
                if "deletionTimestamp" not in pod["metadata"]:
                    await self._bind(pod)
            elif node_name == self._node_name:
                if "deletionTimestamp" in pod["metadata"]:
                    self._stop_soon(uid, pod)
                elif uid not in self._workers and self._runs(pod) and (pod.get("status") or {}).get("phase") not in _FINISHED:
                    self._start(uid, pod)

    async def close(self) -> None:
        """Stop and remove every pod of this node."""
        for uid in list(self._workers):
            self._stop_soon(uid, None)
        while self._stopping:
            await asyncio.gather(*self._stopping, return_exceptions=True)

    async def _bind(self, pod: dict[str, Any]) -> None:
        meta = pod["metadata"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": self._node_name},
        }
        try:
            await self._api.request("POST", f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding", binding)
        except RequestError as error:
            if error.status not in (404, 409):  # gone, or bound meanwhile
                self._tell_once(f"pod {meta['namespace']}/{meta['name']}: cannot be bound: {error}")

    def _start(self, uid: str, pod: dict[str, Any]) -> None:
        worker = PodWorker(self._api, self._node, pod, host_ip=HOST_IP, timing=self._timing, tell=self._tell_once_if_constant)
        self._workers[uid] = worker
        self._tasks[uid] = asyncio.create_task(worker.run(), name=f"pod {worker.name}")

    def _stop_soon(self, uid: str, pod: dict[str, Any] | None) -> None:
        """Stop in the background; with `pod` its deletion is confirmed to the API afterwards, as a kubelet does."""
        worker, running = self._workers.pop(uid, None), self._tasks.pop(uid, None)
        if worker is None and pod is None:
            return
        task = asyncio.create_task(self._stop(worker, running, pod))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _stop(self, worker: PodWorker | None, running: asyncio.Task[None] | None, pod: dict[str, Any] | None) -> None:
        if running is not None:
            running.cancel()
            results = await asyncio.gather(running, return_exceptions=True)
            if isinstance(results[0], Exception):
                self._tell(f"pod {worker.name if worker else '?'}: the stand-in failed: {results[0]!r}")
        if worker is not None:
            await worker.close()
        if pod is not None:
            meta = pod["metadata"]
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
            with suppress(RequestError):  # gone already, or seen again with the next list
                await self._api.request("DELETE", f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}", options)

    def _tell_once_if_constant(self, message: str) -> None:
        """Pods' own lines are told each time; what is true of the whole machine once."""
        if message.startswith("pod "):
            self._tell(message)
        else:
            self._tell_once(message)

    def _tell_once(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._tell(message)


def node_status(node: Node, now_seconds: float) -> dict[str, Any]:
    """The Node's status: this machine's memory and cores, and that it is ready."""
    amounts = {"cpu": str(os.cpu_count() or 1), "memory": f"{node.memory_bytes // 1024}Ki", "pods": "110"}
    now = timestamp(now_seconds)
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the stand-in for the kubelet is ready"}
    return {
        "capacity": amounts,
        "allocatable": amounts,
        "conditions": [{**ready, "lastHeartbeatTime": now, "lastTransitionTime": now}],
        "addresses": [{"type": "InternalIP", "address": HOST_IP}],
        "nodeInfo": {
            "kernelVersion": platform.release(),
            "operatingSystem": "linux",
            "architecture": platform.machine(),
            "osImage": "this machine",
            "kubeletVersion": "v1.34.0-oomsight-sandbox",
            "containerRuntimeVersion": "containerd://0.0.0-oomsight-sandbox",
        },
    }


def this_machines_memory_bytes() -> int:
    """MemTotal of /proc/meminfo."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return machine_memory_bytes(file.read())


def machine_memory_bytes(meminfo: str) -> int:
    """MemTotal from the text of /proc/meminfo. Example line: `MemTotal:       24684084 kB`."""
    for line in meminfo.splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    raise ValueError("/proc/meminfo has no MemTotal line")
