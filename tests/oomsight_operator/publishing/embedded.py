"""A publisher against the embedded API server: real requests, real answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml
from kubernetes.client import Configuration

from oomsight_operator.inventory.pods import project_pod
from oomsight_operator.judgement.model import Pod
from oomsight_operator.kube.client import KubeClient
from oomsight_operator.kube.credentials import from_configuration
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.publisher import Publisher
from oomsight_operator.publishing.settings import PublisherSettings
from oomsight_sandbox.apiserver import ApiServer

REPOSITORY = Path(__file__).parents[3]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass
class Cluster:
    """The server, and a client of it."""

    server: ApiServer
    client: KubeClient

    def add_pod(self, name: str, *, annotations: dict[str, str] | None = None, labels: dict[str, str] | None = None) -> Pod:
        metadata = {"name": name, "namespace": "shop", "annotations": annotations or {}, "labels": labels or {}}
        spec = {"nodeName": "node-1", "containers": [{"name": "app", "image": "x", "resources": {"limits": {"memory": "64Mi"}}}]}
        (stored,) = self.server.load(
            [{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}}]
        )
        return project_pod(msgspec.Raw(stored.body)).pod

    async def pod(self, name: str) -> Pod:
        """The pod as the informer projects it."""
        return project_pod(msgspec.Raw(await self.client.get_bytes(f"/api/v1/namespaces/shop/pods/{name}"))).pod

    async def get(self, path: str) -> dict[str, Any]:
        return await self.client.request("GET", path)

    @asynccontextmanager
    async def publisher(self, **settings: Any) -> AsyncIterator[Publisher]:
        """A running publisher, as one run of the operator has it."""
        publisher = Publisher(
            self.client, PublisherSettings(retry_base_seconds=0.01, **settings), OperatorMetrics(), reporting_instance="operator-0"
        )
        task = asyncio.create_task(publisher.run())
        try:
            yield publisher
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def a_cluster() -> AsyncIterator[Cluster]:
    """An API server with our CRDs and the namespace shop."""
    async with ApiServer() as server, KubeClient(from_configuration(Configuration(host=server.url))) as client:
        server.ensure_namespace("shop")
        for path in sorted(REPOSITORY.glob("crds/*.yaml")):
            await client.request("POST", CRDS, body=yaml.safe_load(path.read_text()))
        yield Cluster(server, client)
