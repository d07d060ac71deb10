"""A whole small cluster in one process: API server, node, controllers; and oomsight's agent and operator in it as pods.

Everything that it starts or makes ends with it, in the reverse order, also when it is interrupted half way.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from oomsight_sandbox.apiserver import ApiServer
from oomsight_sandbox.background import background
from oomsight_sandbox.kubectl import Kubectl
from oomsight_sandbox.kubelet.api import Api
from oomsight_sandbox.kubelet.cgroups import Cgroups, sweep
from oomsight_sandbox.kubelet.containers import Node
from oomsight_sandbox.kubelet.controllers import Controllers
from oomsight_sandbox.kubelet.kubelet import Kubelet, this_machines_memory_bytes
from oomsight_sandbox.kubelet.pod_worker import Timing
from oomsight_sandbox.owner import new_name
from oomsight_sandbox.programs import PROGRAMS
from oomsight_sandbox.recording import Recording
from oomsight_sandbox.replay import Replayer
from oomsight_sandbox.system_objects import SYSTEM_NAMESPACE, Roots
from oomsight_sandbox.workspace import Workspace, sweep_workspaces, workspace

NODE_NAME = "this-machine"
TIMING = Timing(back_off_base_seconds=1.0, back_off_cap_seconds=20.0, stop_grace_seconds=2.0)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running cluster."""

    workspace: Workspace
    url: str
    api: Api
    kubectl: Kubectl
    roots: Roots
    cgroups: Cgroups | None
    """None in a replay."""


@asynccontextmanager
async def sandbox(recording: Recording | None, tell: Callable[[str], None]) -> AsyncIterator[Sandbox]:
    """Start one: on this machine's cgroups, or replaying a recording. Raises CgroupsUnavailableError and OSError."""
    for path in (*await asyncio.to_thread(sweep), *sweep_workspaces()):
        tell(f"removed what a killed run had left: {path}")
    name = new_name()
    with workspace(name) as space:
        cgroups = Cgroups.open(name) if recording is None else None
        try:
            async with _cluster(space, cgroups, recording, tell) as running:
                yield running
        finally:
            if cgroups is not None:
                await asyncio.to_thread(cgroups.close)


@asynccontextmanager
async def _cluster(
    space: Workspace, cgroups: Cgroups | None, recording: Recording | None, tell: Callable[[str], None]
) -> AsyncIterator[Sandbox]:
    memory = this_machines_memory_bytes() if recording is None else recording.memory_bytes
    node = Node(memory, space.directory, space.shared_memory_directory, cgroups, PROGRAMS)
    # Whoever may create pods here starts processes as us: only the reader of our kubeconfig knows the way.
    async with ApiServer(secret_path=secrets.token_hex(16)) as server, Api(server.url) as api:
        server.write_kubeconfig(space.kubeconfig)
        kubectl = Kubectl(space.kubeconfig, space.file("kubectl-cache"))
        replayer = None if recording is None else Replayer(recording, api, space.file("recorded"))
        roots = _roots(node, cgroups) if replayer is None else replayer.roots
        kubelet = Kubelet(api, node, NODE_NAME, timing=TIMING, tell=tell, runs=lambda pod: replayer is None or _is_ours(pod))
        await kubelet.register()
        for group in ("api/v1", "apis/apps/v1"):  # made once, and on a slow machine for longer than kubectl waits
            await api.request("GET", f"/openapi/v3/{group}")
        try:
            works = [kubelet.run(), Controllers(api).run(), *([replayer.run()] if replayer is not None else [])]
            async with background(*works):
                yield Sandbox(space, server.url, api, kubectl, roots, cgroups)
        finally:
            await kubelet.close()


def _is_ours(pod: object) -> bool:
    """In a replay only oomsight itself runs."""
    return isinstance(pod, dict) and pod["metadata"]["namespace"] == SYSTEM_NAMESPACE


def _roots(node: Node, cgroups: Cgroups | None) -> Roots:
    """This machine's own trees, the sandbox's part of the cgroups alone: what else runs here is none of the demo's business."""
    assert cgroups is not None
    return Roots(cgroups.base, "/proc", node.container_log_directory)


def free_port() -> int:
    """A port of the loopback address that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
