"""Brings together who lacks a past (the engine), who remembers it (Prometheus) and how it is taken in (judgement/recommend)."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from oomsight_api.policy import RecommendationMode, RecommendationSpec
from oomsight_operator.engine.engine import Engine
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.inventory.workloads import workload_of
from oomsight_operator.judgement.model import ContainerKind, Owner, Pod
from oomsight_operator.judgement.recommend.history import History, lacks_history, past_of
from oomsight_operator.judgement.recommend.state import NOTHING, State
from oomsight_operator.prometheus.access import Access
from oomsight_operator.prometheus.client import PrometheusClient
from oomsight_operator.prometheus.fetch import Source, Wanted
from oomsight_operator.prometheus.importer import HistoryImporter, ImportTiming
from oomsight_operator.prometheus.metrics import HistoryMetrics
from oomsight_operator.prometheus.names import Living, Workload
from oomsight_operator.publishing.targets import target_of, workload_key

log = logging.getLogger(__name__)


class Histories:
    """For one event loop. `run` until cancelled."""

    def __init__(
        self,
        source: Source,
        cluster: Cluster,
        engine: Engine,
        metrics: HistoryMetrics,
        *,
        matchers: Mapping[str, str],
        timing: ImportTiming | None = None,
    ) -> None:
        self._cluster = cluster
        self._engine = engine
        self.importer = HistoryImporter(
            source, self.living, self.deliver, metrics, matchers=matchers, timing=timing, wall_clock=engine.wall_now
        )
        engine.on_learned = self.look

    async def run(self) -> None:
        """Ask for whoever lacks a past."""
        await self.importer.run()

    def look(self, pod: Pod, target: Owner, policy: RecommendationSpec, known: Mapping[str, State]) -> None:
        """Ask for the workload's past where little is known of any of its containers."""
        key = workload_key(pod.namespace, target)
        if policy.mode is RecommendationMode.OFF or self.importer.was_asked(key):
            return
        names = (spec.name for spec in pod.containers if spec.kind is not ContainerKind.EPHEMERAL)
        if any(lacks_history(known.get(name, NOTHING), self._engine.wall_now()) for name in names):
            self.importer.want(Wanted(key, pod.namespace, Workload(target.kind, target.name), policy.page_cache))

    def deliver(self, wanted: Wanted, histories: Mapping[str, History]) -> int:
        """Put the past before what was learned since. How many containers had use for it."""
        pods = [(pod, target) for pod, target in self._pods(wanted.namespace) if workload_key(pod.namespace, target) == wanted.key]
        known = self._engine.learned(wanted.key)
        names = {spec.name for pod, _ in pods for spec in pod.containers} & histories.keys()
        pasts = {name: past_of(known.get(name, NOTHING), histories[name], self._engine.wall_now()) for name in names}
        news = {name: past for name, past in pasts.items() if past != NOTHING}
        if news:
            self._engine.recall(wanted.key, news, [pod.uid for pod, _ in pods])
        return len(news)

    def living(self, namespace: str) -> Living:
        """The namespace's pods and their workloads now."""
        return Living({pod.name: Workload(target.kind, target.name) for pod, target in self._pods(namespace)})

    def _pods(self, namespace: str) -> list[tuple[Pod, Owner]]:
        found = (self._cluster.pods.get(uid) for uid in self._cluster.index.in_namespace(namespace))
        return [(pod, target_of(pod, workload_of(pod, self._cluster.intermediates.get))) for pod in found if pod is not None]


class PrometheusHistories:
    """The same with a client of its own, which ends with it."""

    def __init__(
        self, access: Access, cluster: Cluster, engine: Engine, metrics: HistoryMetrics, matchers: Mapping[str, str]
    ) -> None:
        if access.url.scheme == "http" and (access.token_file or access.basic_auth_file):
            log.warning("the secret for Prometheus goes over the network in the clear: give an https URL")
        self._client = PrometheusClient(access)
        self._histories = Histories(self._client, cluster, engine, metrics, matchers=matchers)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._histories.run()
        finally:
            await self._client.close()
