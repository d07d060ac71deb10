"""A small cluster for tests of the whole operator: the embedded API server, an agent that says what the test wants, objects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from kubernetes.client import Configuration

from oomsight_api.report import Container, Memory, NodeMemory, NodeReport, Process, encode
from oomsight_operator.kube.client import KubeClient
from oomsight_operator.kube.credentials import Credentials, from_configuration
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.service import Service
from oomsight_operator.settings import Settings
from oomsight_sandbox.apiserver import ApiServer

REPOSITORY = Path(__file__).parents[2]
MIB = 1 << 20
POLICY = "/apis/oomsight.dev/v1alpha1/clustermemorypolicies"


@dataclass
class TestAgent:
    """Serves the rows it has been given, by long poll."""

    __test__ = False
    node: str = "node-a"
    rows: dict[str, Container] = field(default_factory=dict)
    instance: str = "i1"
    claims_node: str = ""
    port: int = 0
    polls: int = 0
    silent: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    def say(self, pod_uid: str, container_id: str, unreclaimable_mib: int, limit_mib: int = 512, oom_kills: int = 0) -> None:
        """A row, told at once."""
        memory = Memory(
            usage_bytes=unreclaimable_mib * MIB,
            limit_bytes=limit_mib * MIB,
            unlimited=False,
            anon_bytes=unreclaimable_mib * MIB,
            working_set_bytes=unreclaimable_mib * MIB,
            unreclaimable_bytes=unreclaimable_mib * MIB,
            headroom_bytes=(limit_mib - unreclaimable_mib) * MIB,
            peak_interval_bytes=unreclaimable_mib * MIB,
        )
        process = Process(
            pid=1,
            name="app",
            oom_score_adj=900,
            rss_bytes=unreclaimable_mib * MIB,
        )
        self.rows[container_id] = Container(
            pod_uid=pod_uid, container_id=container_id, cgroup="/pod/c", memory=memory, oom_kills=oom_kills, processes=(process,)
        )
        self._news.set()

    async def handle(self, request: web.Request) -> web.Response:
        self.polls += 1
        if self.silent:
            return web.Response(status=503)
        if request.query["cursor"] and not self._news.is_set():
            try:
                await asyncio.wait_for(self._news.wait(), min(0.5, float(request.query["wait"])))
            except TimeoutError:
                pass
        self._news.clear()
        report = NodeReport(
            node=self.claims_node or self.node,
            instance=self.instance,
            cursor=str(self.polls),
            full=True,
            time_seconds=time.time(),
            interval_seconds=1.0,
            node_memory=NodeMemory(total_bytes=8 << 30, available_bytes=4 << 30, swap_total_bytes=0, page_size_bytes=4096),
            containers=tuple(self.rows.values()),
        )
        return web.Response(body=encode(report), content_type="application/json")

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/v1/report", self.handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


@dataclass
class SmallCluster:
    """What a test needs at hand."""

    server: ApiServer
    client: KubeClient
    credentials: Credentials
    agent: TestAgent

    async def make_daemonset(self) -> None:
        """The agents' DaemonSet and its one pod, which is our TestAgent."""
        template = {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "agent", "image": "x"}]}}
        daemonset = await self.client.request(
            "POST",
            "/apis/apps/v1/namespaces/oomsight-system/daemonsets",
            body={
                "metadata": {"name": "oomsight-agent"},
                "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template},
            },
        )
        await self.make_pod(
            "agent-1",
            namespace="oomsight-system",
            owner={"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "oomsight-agent", "uid": daemonset["metadata"]["uid"]},
            port=self.agent.port,
            pod_ip="127.0.0.1",
        )

    async def make_pod(  # everything has a default
        self,
        name: str,
        *,
        namespace: str = "shop",
        container_id: str | None = None,
        limit: str | None = "512Mi",
        owner: dict[str, Any] | None = None,
        port: int | None = None,
        pod_ip: str = "10.0.0.9",
        labels: dict[str, str] | None = None,
    ) -> str:
        """A running pod with one container `app` on node-a; its uid."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        container: dict[str, Any] = {"name": "app", "image": "x"}
        if limit is not None:
            container["resources"] = {"limits": {"memory": limit}, "requests": {"memory": limit}}
        if port is not None:
            container["ports"] = [{"name": "report", "containerPort": port}]
        metadata: dict[str, Any] = {"name": name, "labels": labels or {"app": name}}
        if owner is not None:
            metadata["ownerReferences"] = [{**owner, "controller": True}]
        pod = await self.client.request(
            "POST", path, body={"metadata": metadata, "spec": {"nodeName": "node-a", "containers": [container]}}
        )
        status = {
            "name": "app",
            "image": "x",
            "imageID": "x",
            "ready": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            "containerID": f"containerd://{container_id or '0' * 64}",
        }
        await self.client.request(
            "PATCH",
            f"{path}/{name}/status",
            body={"status": {"phase": "Running", "podIP": pod_ip, "containerStatuses": [status]}},
            content_type="application/merge-patch+json",
        )
        uid = pod["metadata"]["uid"]
        assert isinstance(uid, str)
        return uid

    async def make_policy(self, name: str = "all", **spec: Any) -> None:
        body = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "ClusterMemoryPolicy", "metadata": {"name": name}}
        await self.client.request("POST", POLICY, body={**body, "spec": spec or {"defaults": {}}})

    async def annotations(self, name: str, namespace: str = "shop") -> dict[str, str]:
        """Ours, without the prefix."""
        pod = await self.client.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")
        found = pod["metadata"].get("annotations", {})
        return {key.removeprefix("oomsight.dev/"): value for key, value in found.items() if key.startswith("oomsight.dev/")}

    async def until(self, name: str, holds: Callable[[dict[str, str]], bool], seconds: float = 20.0) -> dict[str, str]:
        """The pod's annotations as soon as they are as wanted."""
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(seconds):
                while not holds(found := await self.annotations(name)):  # noqa: ASYNC110 - the API is asked
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"waited in vain; the annotations of {name} are {found}") from None
        return found

    @asynccontextmanager
    async def operator(self, **settings: Any) -> AsyncIterator[Service]:
        """The operator, working, and stopped at the end."""
        values = {
            "settle_seconds": 0.5,
            "agent_stale_seconds": 30,
            "poll_wait_seconds": 1,
            "namespace": "oomsight-system",
            **settings,
        }
        async with KubeClient(self.credentials) as client:
            service = Service(Settings.model_validate(values), self.credentials, client, OperatorMetrics())
            try:
                await service.start()
                yield service
            finally:
                await service.stop(2.0)


@asynccontextmanager
async def small_cluster() -> AsyncIterator[SmallCluster]:
    """An API server with our CRDs, the namespaces, and an agent on node-a that has nothing to say yet."""
    agent = TestAgent()
    await agent.start()
    async with ApiServer() as server:
        credentials = from_configuration(Configuration(host=server.url))
        async with KubeClient(credentials) as client:
            for namespace in ("oomsight-system", "shop"):
                server.ensure_namespace(namespace)
            for path in sorted(REPOSITORY.glob("crds/*.yaml")):
                definition = yaml.safe_load(path.read_text())
                await client.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body=definition)
            cluster = SmallCluster(server, client, credentials, agent)
            await cluster.make_daemonset()
            yield cluster
    await agent.stop()
