"""The operator put together: what is made of what, started in which order, and stopped without losing what is queued."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

from oomsight_api.kinds import MEMORY_RECOMMENDATION
from oomsight_api.report import NodeReport
from oomsight_operator.engine.engine import Engine, EngineTiming
from oomsight_operator.handlers import run_kopf
from oomsight_operator.histories import PrometheusHistories
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.inventory.constraints import (
    Autoscaler,
    Constraints,
    LimitRange,
    ResourceQuota,
    project_autoscaler,
    project_limit_range,
    project_resource_quota,
)
from oomsight_operator.inventory.index import PodIndex
from oomsight_operator.inventory.informer import Informer, Resource, Stats, Timing
from oomsight_operator.inventory.namespaces import Namespace, project_namespace
from oomsight_operator.inventory.nodes import Nodes, project_node
from oomsight_operator.inventory.pods import PodProjector
from oomsight_operator.inventory.policies import KnownPolicy, PolicyStore
from oomsight_operator.inventory.store import Store
from oomsight_operator.inventory.workloads import Intermediate, project_intermediate
from oomsight_operator.judgement.model import Pod, PolicyRef
from oomsight_operator.judgement.node import Node
from oomsight_operator.kube.backoff import Backoff
from oomsight_operator.kube.client import KubeClient
from oomsight_operator.kube.credentials import Credentials
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.node_assessments import NodeAssessments, follow_nodes
from oomsight_operator.node_documents import NodeDocuments
from oomsight_operator.policy_watch import PolicyWatch, list_pages
from oomsight_operator.polling.directory import AgentDirectory
from oomsight_operator.polling.discovery import AgentPod, AgentTarget, project_agent_pod
from oomsight_operator.polling.kubelet_config import KubeletConfigs
from oomsight_operator.polling.poller import Poller, PollTiming
from oomsight_operator.polling.telemetry import TelemetryStore
from oomsight_operator.prometheus.access import parse_matchers
from oomsight_operator.prometheus.metrics import HistoryMetrics
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.publisher import Publisher
from oomsight_operator.publishing.settings import PublisherSettings
from oomsight_operator.settings import Settings, prometheus_access

log = logging.getLogger(__name__)

SILENCE_SECONDS = 900.0
"""An informer that heard nothing for so long hangs: watches are asked to end every five minutes."""
METRICS_SECONDS = 2.0
NODE_METRICS_SECONDS = 15.0
"""As often as Prometheus looks, by and large: each node is judged at most once in this time for its metrics; more seldom where that
would take more than a tenth of the time (from about a thousand nodes on)."""
MOST_NODE_METRICS_SECONDS = 120.0
RESTORE_ATTEMPTS = 6
RESTORED_AT_ONCE = 20
"""Objects read back before others get their turn: 0.3 ms each, 1.3 ms where twenty pods leak."""
FIRST_NODE_METRICS_SECONDS = 5.0
"""After the start: agents that answer have spoken by then, and are not told as unknown."""


class Service:
    """One active operator. `start`, `wait` until something ends it, `stop`. For one event loop."""

    def __init__(self, settings: Settings, credentials: Credentials, client: KubeClient, metrics: OperatorMetrics) -> None:
        self._settings = settings
        self._credentials = credentials
        self._client = client
        self._metrics = metrics
        pods: Store[Pod] = Store()
        namespaces: Store[Namespace] = Store()
        intermediates: Store[Intermediate] = Store()
        nodes: Store[Node] = Store()
        self._agent_pods: Store[AgentPod] = Store()
        self.policies = PolicyStore()
        self.telemetry = TelemetryStore()
        self.publisher = Publisher(client, publisher_settings(settings), metrics, reporting_instance=settings.identity)
        bounds = (Store[LimitRange](), Store[ResourceQuota](), Store[Autoscaler]())
        self.cluster = Cluster(pods, PodIndex(pods), namespaces, intermediates, self.policies, Nodes(nodes), Constraints(*bounds))
        self.engine = Engine(
            self.cluster,
            self.telemetry,
            self.publisher,
            timing=EngineTiming(stale_seconds=settings.agent_stale_seconds, settle_seconds=settings.settle_seconds),
            on_fault=metrics.judgement_failed,
        )
        access = prometheus_access(settings)
        self._histories: PrometheusHistories | None = None
        if access is not None:
            matchers = parse_matchers(settings.prometheus_matchers)
            history_metrics = HistoryMetrics(metrics.registry)
            self._histories = PrometheusHistories(access, self.cluster, self.engine, history_metrics, matchers)
        self._kubelet_configs = KubeletConfigs(client, self.cluster.nodes, enabled=settings.read_kubelet_config)
        self.assessments = NodeAssessments(self.cluster, self.telemetry, self.engine.node_context, self._kubelet_configs.of)
        self.publisher.follow_conditions(self.assessments.conditions)
        self.publisher.follow_recalled(self.engine.recall)
        self.documents = NodeDocuments(self.assessments, self.telemetry, stale_seconds=settings.agent_stale_seconds)
        self.policies.listener = _PolicyNews(self.engine, self.publisher)
        self._poller = Poller(
            self._report, PollTiming(wait_seconds=settings.poll_wait_seconds), lambda: metrics.malformed("report")
        )
        self._directory = AgentDirectory(client, self._poller, self._agent_pods, settings.agent_namespace, settings.agent_daemonset)
        self._agent_pods.listen(self._directory.pods_changed)
        self._policy_watch = PolicyWatch(client, self.policies, resync_seconds=settings.policy_resync_seconds)
        self.informers: tuple[Informer[Any], ...] = self._make_informers(pods, namespaces, intermediates, nodes)
        self.late_informers: tuple[Informer[Any], ...] = self._make_bounds_informers(*bounds)
        """Nobody waits for them."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.kopf_ready = asyncio.Event()
        self._counted: dict[str, Stats] = {}
        self._broken = asyncio.Event()
        self.working = False
        """Everything was listed once, and pods are being judged."""

    def _make_informers(
        self, pods: Store[Pod], namespaces: Store[Namespace], intermediates: Store[Intermediate], nodes: Store[Node]
    ) -> tuple[Informer[Any], ...]:
        timing = Timing(resync_seconds=self._settings.resync_seconds)

        def informer(resource: Resource, project: Callable[[Any], Any], store: Store[Any]) -> Informer[Any]:
            return Informer(self._client, resource, project, store, timing=timing)

        agents = f"/api/v1/namespaces/{self._settings.agent_namespace}/pods"

        def between(resource: Resource) -> Informer[Any]:
            """Each has a store of its own, since a list replaces what its store holds; the engine asks all of them as one."""
            part = Store[Intermediate]()
            part.listen(lambda old, new: intermediates.upsert(new) if new else _forget(intermediates, old))
            return informer(resource, project_intermediate, part)

        return (
            informer(Resource("namespaces", "/api/v1/namespaces", metadata_only=True), project_namespace, namespaces),
            between(Resource("replicasets", "/apis/apps/v1/replicasets", metadata_only=True)),
            between(Resource("jobs", "/apis/batch/v1/jobs", metadata_only=True)),
            between(Resource("replicationcontrollers", "/api/v1/replicationcontrollers", metadata_only=True)),
            informer(Resource("nodes", "/api/v1/nodes"), project_node, nodes),
            informer(Resource("agents", agents), project_agent_pod, self._agent_pods),
            informer(Resource("pods", "/api/v1/pods"), PodProjector(lambda: self._metrics.malformed("pod")), pods),
        )

    def _make_bounds_informers(
        self, limit_ranges: Store[LimitRange], quotas: Store[ResourceQuota], autoscalers: Store[Autoscaler]
    ) -> tuple[Informer[Any], ...]:
        """Of what recommendations have to fit into: what is not known of it is left out, so nobody waits for them."""
        timing = Timing(resync_seconds=self._settings.resync_seconds)
        quota, scaler = "/api/v1/resourcequotas", "/apis/autoscaling/v1/horizontalpodautoscalers"
        return (
            Informer(
                self._client, Resource("limitranges", "/api/v1/limitranges"), project_limit_range, limit_ranges, timing=timing
            ),
            Informer(self._client, Resource("resourcequotas", quota), project_resource_quota, quotas, timing=timing),
            Informer(self._client, Resource("horizontalpodautoscalers", scaler), project_autoscaler, autoscalers, timing=timing),
        )

    async def start(self) -> None:
        """List everything, then judge. Returns once pods are being judged; waits as long as the API server makes it wait."""
        for informer in (*self.informers, *self.late_informers):
            self._spawn(f"informer of {informer.resource.name}", informer.run())
        self._spawn("metrics", self._follow_metrics())
        self._spawn("publisher", self.publisher.run())
        for informer in self.informers:
            await informer.synced.wait()
        await self._policy_watch.first()
        await self._restore()
        self._spawn("policy watch", self._policy_watch.run())
        self._spawn("agent directory", self._directory.run())
        self._spawn("engine", self.engine.run())
        if self._histories is not None:
            self._spawn("histories", self._histories.run())
        self._spawn("node metrics", self._follow_nodes())
        if self._settings.read_kubelet_config:
            self._spawn("kubelet configurations", self._kubelet_configs.run())
        kopf_task = self._spawn("kopf", run_kopf(self.policies, self._credentials, self.kopf_ready))
        ready = asyncio.create_task(self.kopf_ready.wait())
        await asyncio.wait((kopf_task, ready), return_when=asyncio.FIRST_COMPLETED)
        if kopf_task.done():
            ready.cancel()
            return  # `wait` tells why
        self.working = True
        log.info(
            "working",
            extra={"pods": len(self.cluster.pods), "policies": len(list(self.policies.known())), "agents": len(self._agent_pods)},
        )

    async def wait(self) -> str:
        """Wait until a part ends that should not, also while it starts; why."""
        await self._broken.wait()
        return "; ".join(f"{name} ended" for name, task in self._tasks.items() if task.done())

    async def stop(self, drain_seconds: float) -> None:
        """Stop judging, write what is queued within `drain_seconds` (0: nothing more, from now on), then end everything."""
        self.working = False
        if drain_seconds <= 0:
            await self._end("publisher")
        await self._end("engine", "agent directory", "policy watch")
        await self._poller.close()
        if "publisher" in self._tasks:
            self.publisher.flush()
            if not await self.publisher.drain(drain_seconds):
                log.warning("stopped before everything was written; the next start goes on", extra={"seconds": drain_seconds})
        await self._end("publisher")
        await self._end(*self._tasks)

    def problems(self) -> Iterable[str]:
        """Why a restart would help: parts that ended, informers that hang."""
        for name, task in self._tasks.items():
            if task.done():
                yield f"{name} ended"
        for informer in (*self.informers, *self.late_informers):
            if informer.silence_seconds > SILENCE_SECONDS:
                yield f"nothing heard of {informer.resource.name} for {informer.silence_seconds:.0f} s"

    def _report(self, target: AgentTarget, report: NodeReport) -> None:
        self.engine.report_arrived(target.node_name, report)
        self._metrics.observe_report_latency(max(0.0, self.engine.wall_now() - report.time_seconds))

    async def _restore(self) -> None:
        """Go on from the MemoryRecommendations of an earlier run. An API server with hiccups is asked a few times; then it goes on
        without, and each object is read when it is to be written."""
        backoff = Backoff(0.5, 10.0)
        for attempt in range(RESTORE_ATTEMPTS):
            try:
                await self._restore_pages()
            except ApiError as error:
                retriable = error.transient or error.status == 410  # a page that expired while the one before was taken over
                if retriable and attempt < RESTORE_ATTEMPTS - 1:
                    await asyncio.sleep(backoff.next_seconds(error.retry_after_seconds))
                    continue
                why = {"error": error.message[:500]}
                log.warning("earlier recommendations cannot be read; starting without history", extra=why)
            return

    async def _restore_pages(self) -> None:
        """A page at a time is held, and others get their turn."""
        async for page in list_pages(self._client, MEMORY_RECOMMENDATION):
            for first in range(0, len(page), RESTORED_AT_ONCE):
                restored = self.publisher.restore(page[first : first + RESTORED_AT_ONCE])
                self.engine.restore(restored.histories, restored.learned)
                await asyncio.sleep(0)

    async def _follow_metrics(self) -> None:
        while True:
            for informer in (*self.informers, *self.late_informers):
                name, stats = informer.resource.name, informer.stats
                self._metrics.set_informer(name, synced=informer.synced.is_set(), objects=len(informer.store))
                before = self._counted.get(name, Stats())
                self._metrics.informer_relisted(name, max(0, stats.lists - max(before.lists, 1)))
                self._metrics.informer_broken(name, stats.broken_streams - before.broken_streams)
                self._metrics.malformed("watch", stats.malformed - before.malformed)
                self._counted[name] = replace(stats)
            known, fresh = len(self._poller.targets), len(self.telemetry)
            self._metrics.set_agents(known=known, fresh=fresh, stale=max(0, known - fresh))
            self._metrics.set_evidence(
                [node.kernel_log for node in self.telemetry], [node.unattributed_oom_kills for node in self.telemetry]
            )
            await asyncio.sleep(METRICS_SECONDS)

    async def _follow_nodes(self) -> None:
        await asyncio.sleep(FIRST_NODE_METRICS_SECONDS)
        while True:
            began = time.monotonic()
            await follow_nodes(self.assessments, self._metrics.nodes, self._metrics.judgement_failed)
            took = time.monotonic() - began
            await asyncio.sleep(min(MOST_NODE_METRICS_SECONDS, max(NODE_METRICS_SECONDS, 9 * took)))

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks[name] = asyncio.create_task(work, name=name)
        task.add_done_callback(self._part_ended)
        return task

    def _part_ended(self, task: asyncio.Task[None]) -> None:
        if self._tasks.get(task.get_name()) is not task:
            return  # by us
        error = None if task.cancelled() else task.exception()
        log.error("a part of the operator ended", extra={"part": task.get_name()}, exc_info=error)
        self._broken.set()

    async def _end(self, *names: str) -> None:
        await end_tasks(self._tasks.pop(name) for name in names if name in self._tasks)


class _PolicyNews:
    """Tells both who need to know."""

    def __init__(self, engine: Engine, publisher: Publisher) -> None:
        self._engine = engine
        self._publisher = publisher

    def policy_seen(self, policy: KnownPolicy) -> None:
        self._publisher.offer_policy(policy.parsed, policy.status)

    def policy_gone(self, ref: PolicyRef) -> None:
        self._publisher.forget_policy(ref)

    def policies_changed(self) -> None:
        self._engine.policies_changed()


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until they have ended: `asyncio.wait_for` can swallow one cancellation (until Python 3.12), ours or a library's."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1.0)


def publisher_settings(settings: Settings) -> PublisherSettings:
    """The write budgets."""
    return PublisherSettings(
        pod_interval_seconds=settings.pod_interval_seconds,
        writes_per_second=settings.writes_per_second,
        write_burst=settings.write_burst,
        concurrent_writes=settings.concurrent_writes,
        event_burst=settings.event_burst,
        event_refill_seconds=settings.event_refill_seconds,
        recommendation_interval_seconds=settings.recommendation_interval_seconds,
        policy_status_interval_seconds=settings.policy_status_interval_seconds,
    )


def _forget(store: Store[Intermediate], old: Intermediate | None) -> None:
    if old is not None:
        store.delete(old.uid)
