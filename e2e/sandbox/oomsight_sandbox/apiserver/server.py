"""The server: one store, one registry, one loopback address.

It has no RBAC, no admission webhooks, no controllers beyond garbage collection, namespaces and custom resources, and no TLS: it is
for demos and tests on one machine, and binds to loopback addresses only.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import yaml
from aiohttp import web

from . import kubeconfig
from .api import Api
from .bodies import MAX_BODY_BYTES
from .crd import CustomResources
from .defaults import default_object
from .faults import Faults
from .lifecycle import NAMESPACES
from .listing import Lister
from .requests import RequestLog
from .resources import Registry, Resource
from .store import Key, Store, StoredObject
from .values import JsonObject, copy_json
from .watch import WatchHub

INITIAL_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class ApiServer:
    """A Kubernetes API on loopback, as an async context manager.

    `port` 0 takes a free one and keeps it over restarts. `token`: the bearer token that requests must carry, None for none.
    `secret_path`: a word that starts every path and only the kubeconfig's reader knows, since kubectl sends no token over HTTP.
    `clock` gives seconds since the epoch for timestamps and ages. `history_limit`: events kept per resource for watches.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        *,
        secret_path: str = "",
        clock: Callable[[], float] = time.time,
        history_limit: int = 20_000,
        bookmark_seconds: float = 60.0,
    ) -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"host: found {host}, expected a loopback address: this server has no authorization")
        self.host = host
        self.port = port
        self.token = token
        self.secret_path = f"/{secret_path}" if secret_path else ""
        self.store = Store(clock=clock, history_limit=history_limit)
        self.registry = Registry()
        self.requests = RequestLog()
        CustomResources(self.store, self.registry)
        lister = Lister(self.store)
        self.hub = WatchHub(self.store, bookmark_seconds=bookmark_seconds)
        self.api = Api(self.store, self.registry, lister, self.hub, self.requests, token=token)
        self.faults = Faults(self.hub, lister, self.registry, drop=self._drop_connections, restart=self._restart)
        self.api.faults = self.faults
        self.api.secret_path = self.secret_path
        self._runner: web.AppRunner | None = None
        for name in INITIAL_NAMESPACES:
            self.ensure_namespace(name)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.secret_path}"

    async def start(self) -> None:
        """Listen. OSError if the port is taken."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self.api.handle)
        # Watches end when their client goes: without cancellation an idle one would stay until its next event.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, self.host, self.port, reuse_address=True).start()
        except OSError:
            await self.stop()
            raise
        self.port = runner.addresses[0][1]
        self.api.address = f"{self.host}:{self.port}"

    async def stop(self) -> None:
        """Stop listening and end all connections; the objects stay."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._abort(runner)
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    def kubeconfig(self) -> JsonObject:
        """A kubeconfig for this server as plain values."""
        return kubeconfig.kubeconfig(self.url, self.token)

    def write_kubeconfig(self, path: str | os.PathLike[str]) -> None:
        """Write a kubeconfig that only its owner can read."""
        kubeconfig.write_private(path, yaml.safe_dump(self.kubeconfig(), sort_keys=False))

    def ensure_namespace(self, name: str) -> None:
        """Create a namespace unless it is there."""
        if self.store.get(Key(NAMESPACES, "", name)) is None:
            self.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])

    def load(self, documents: Iterable[Mapping[str, Any]]) -> list[StoredObject]:
        """Store whole objects, status included, past all validation: fixtures and scale runs. Missing namespaces are created.

        ValueError for a kind that is not served; apply its definition first.
        """
        loaded = []
        for document in documents:
            resource = self._resource_of(document)
            data = copy_json({key: value for key, value in document.items() if key not in ("apiVersion", "kind")})
            metadata = data.setdefault("metadata", {})
            namespace = (metadata.get("namespace") or "default") if resource.namespaced else ""
            if namespace:
                self.ensure_namespace(namespace)
            if resource.custom is None:
                state = data.pop("status", {})
                default_object(resource, data, None)
                data["status"] = {**data.get("status", {}), **state}
                if not data["status"]:
                    del data["status"]
            loaded.append(self.store.create(resource.storage, data, namespace=namespace, generation=resource.generation))
        return loaded

    def _resource_of(self, document: Mapping[str, Any]) -> Resource:
        api_version, kind = document.get("apiVersion"), document.get("kind")
        for resource in self.registry:
            if resource.api_version == api_version and resource.kind == kind:
                return resource
        raise ValueError(f"no resource is served for apiVersion {api_version!r} and kind {kind!r}")

    def _drop_connections(self) -> int:
        return self._abort(self._runner) if self._runner is not None else 0

    @staticmethod
    def _abort(runner: web.AppRunner) -> int:
        server = runner.server
        connections = list(server.connections) if server is not None else []
        for connection in connections:
            if connection.transport is not None:
                connection.transport.abort()
        return len(connections)

    async def _restart(self, down_seconds: float) -> None:
        await self.stop()
        await asyncio.sleep(down_seconds)
        await self.start()
