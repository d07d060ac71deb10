"""python -m oomsight_cluster.debian.node: the node itself, in namespaces of its own. Started, and ended, by the keeper alone.

Reads its order from a file, prints one line of JSON when it is ready or cannot be, and serves one command on a socket:
`restart NAME`, which ends a part of the node and starts it anew. Whatever it starts is in the cluster's cgroup.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oomsight_cluster.cache import say
from oomsight_cluster.debian.cgroups import ClusterCgroup, machine_hierarchies
from oomsight_cluster.debian.components import API_PORT, NODE_ADDRESS, NODE_NAME, SERVICE_ADDRESS, Component, Parts
from oomsight_cluster.debian.isolation import CAP_SYS_RESOURCE, configure_network, has_capability, mount_node, unshare_namespaces
from oomsight_cluster.debian.kubernetes import Kubernetes
from oomsight_cluster.debian.packages import Programs
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.programs import run

START_SECONDS = 300.0
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Order:
    """What the keeper wants: all that a node is made of."""

    directory: Path
    cgroup: str
    kubernetes: Path
    programs: Path
    images: tuple[Path, ...]
    sandbox_image: str
    listener: int
    """File descriptor of a socket that listens in the machine's network; connections are passed on to the API server."""

    @property
    def path(self) -> Path:
        return self.directory / "order.json"

    @staticmethod
    def read(path: Path) -> Order:
        raw = json.loads(path.read_text())
        images = tuple(Path(image) for image in raw["images"])
        return Order(
            Path(raw["directory"]),
            raw["cgroup"],
            Path(raw["kubernetes"]),
            Path(raw["programs"]),
            images,
            raw["sandbox_image"],
            raw["listener"],
        )

    def write(self, path: Path) -> None:
        document = {name: getattr(self, name) for name in self.__slots__}
        document["images"] = [str(image) for image in self.images]
        path.write_text(json.dumps(document, default=str))


class Node:
    """Keeps the parts running."""

    def __init__(self, order: Order, components: tuple[Component, ...]) -> None:
        self._order = order
        self._components = {component.name: component for component in components}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._logs = order.directory / "logs"
        self._restarting: set[str] = set()

    async def start(self) -> None:
        """All of it, until the node is Ready. Raises ClusterError with the end of the log of what failed."""
        self._logs.mkdir()
        await self._launch("etcd")
        await self._launch("containerd")
        await self._launch("kube-apiserver")
        await self._until("the API server", "kube-apiserver", self._api_is_ready)
        await self._launch("kube-controller-manager")
        await self._launch("kube-scheduler")
        await self._until("containerd", "containerd", self._containerd_is_ready)
        say("loading images into containerd")
        for image in self._order.images:
            await asyncio.to_thread(self._import, image)
        await self._launch("kubelet")
        await self._until("the node", "kubelet", self._node_is_ready)

    async def restart(self, name: str) -> None:
        """End a part at once, as a crash would, and start it anew."""
        self._restarting.add(name)
        process = self._processes[name]
        process.kill()
        await process.wait()
        await self._launch(name)
        self._restarting.discard(name)
        if name == "kube-apiserver":
            await self._until("the API server", name, self._api_is_ready)

    def first_that_ended(self) -> str | None:
        ended = (
            name for name, process in self._processes.items() if process.returncode is not None and name not in self._restarting
        )
        return next(ended, None)

    async def _launch(self, name: str) -> None:
        component = self._components[name]
        environment = {**os.environ, **component.environment}
        with (self._logs / f"{name}.log").open("ab") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                "setpriv", "--pdeathsig", "KILL", *component.command,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True,
            )  # fmt: skip

    async def _until(self, what: str, name: str, ready: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await asyncio.to_thread(ready):
            if self._processes[name].returncode is not None:
                raise ClusterError(f"{name} ended with {self._processes[name].returncode}\n{self.tail(name)}")
            if asyncio.get_running_loop().time() > deadline:
                raise ClusterError(f"{what} is not ready after {START_SECONDS:.0f} s\n{self.tail(name)}")
            await asyncio.sleep(POLL_SECONDS)

    def tail(self, name: str) -> str:
        """The end of a part's log, or where it began to die."""
        path = self._logs / f"{name}.log"
        return telling_lines(path.read_text(errors="replace")) if path.exists() else ""

    def _get(self, path: str) -> Any:
        pki = self._order.directory / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(str(pki / "admin.crt"), str(pki / "admin.key"))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        with opener.open(f"https://127.0.0.1:{API_PORT}{path}", timeout=5) as answer:
            return answer.read()

    def _api_is_ready(self) -> bool:
        try:
            return bool(self._get("/readyz") == b"ok")
        except OSError:
            return False

    def _node_is_ready(self) -> bool:
        try:
            node = json.loads(self._get(f"/api/v1/nodes/{NODE_NAME}"))
            # A pod needs it: the controller makes it once the API server is up.
            self._get("/api/v1/namespaces/default/serviceaccounts/default")
        except OSError:
            return False
        return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", ()))

    def _ctr(self, *words: str | Path) -> str:
        ctr = self._order.programs / "usr/bin/ctr"
        return run([ctr, "--address", self._order.directory / "run/containerd/containerd.sock", "--namespace", "k8s.io", *words])

    def _containerd_is_ready(self) -> bool:
        try:
            return bool(self._ctr("version"))
        except ClusterError:
            return False

    def _import(self, image: Path) -> None:
        self._ctr("images", "import", image)


def telling_lines(log: str, count: int = 20) -> str:
    """The last lines of a log; of a Go program that crashed those that begin with why, before all its goroutines."""
    lines = log.splitlines()
    crashes = [number for number, line in enumerate(lines) if line.startswith(("panic: ", "fatal error: ", "runtime: "))]
    start = crashes[0] if crashes else max(0, len(lines) - count)
    return "\n".join(lines[start : start + count])


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection from the machine's network to the API server in the node's."""
    try:
        up, down = await asyncio.open_connection("127.0.0.1", API_PORT)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pump(reader, down), _pump(up, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


async def serve(order: Order, node: Node) -> int:
    async def command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, _, name = (await reader.readline()).decode().strip().partition(" ")
        try:
            if verb != "restart":
                raise ClusterError(f"unknown command {verb!r}, expected restart")
            await node.restart(name)
            writer.write(b"done\n")
        except (ClusterError, KeyError) as error:
            writer.write(f"failed: {error!r}\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(forward, sock=socket.socket(fileno=order.listener)):
        await node.start()
        async with await asyncio.start_unix_server(command, path=order.directory / "control"):
            tell({"ready": True})
            while (ended := node.first_that_ended()) is None:  # noqa: ASYNC110 - a part may be replaced at any time
                await asyncio.sleep(POLL_SECONDS)
    say(f"{ended} ended\n{node.tail(ended)}")
    return 1


def tell(answer: dict[str, object]) -> None:
    """One line for the keeper."""
    print(json.dumps(answer), flush=True)


def main() -> int:
    order = Order.read(Path(sys.argv[1]))
    try:
        hierarchies = machine_hierarchies()
        ClusterCgroup(order.cgroup, hierarchies).join()
        unshare_namespaces()
        mount_node(order.directory, hierarchies)
        configure_network((NODE_ADDRESS, SERVICE_ADDRESS))
        parts = Parts(
            order.directory,
            Kubernetes(order.kubernetes),
            Programs(order.programs),
            order.sandbox_image,
            has_capability(CAP_SYS_RESOURCE),
        )
        return asyncio.run(serve(order, Node(order, parts.components())))
    except (ClusterError, OSError) as error:
        tell({"failed": str(error)})
        return 1


if __name__ == "__main__":
    sys.exit(main())
