"""What agents' reports, and their silence, mean for pods: whose judgement may change by it, and the node around each of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from oomsight_api.incident import Incident
from oomsight_api.report import NodeReport
from oomsight_operator.engine.dirty_pods import DirtyPods
from oomsight_operator.engine.node_contexts import NodeContexts
from oomsight_operator.inventory.cluster import Cluster
from oomsight_operator.judgement.model import NodeContext
from oomsight_operator.polling.node_news import NodeNews
from oomsight_operator.polling.telemetry import NodeTelemetry, TelemetryStore

log = logging.getLogger(__name__)


class Reports:
    """Marks pods as dirty. `node_incident` is told of each OOM of a whole node, once."""

    def __init__(
        self,
        cluster: Cluster,
        telemetry: TelemetryStore,
        dirty: DirtyPods,
        node_incident: Callable[[str, Incident], None],
        *,
        wall_clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._cluster = cluster
        self._telemetry = telemetry
        self._dirty = dirty
        self._node_incident = node_incident
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._contexts = NodeContexts(cluster.nodes.allocatable_bytes, lambda: cluster.policies.policies.records)
        self._node_news = NodeNews()

    def arrived(self, node_name: str, report: NodeReport) -> None:
        """An agent's answer. Raises RejectedReportError when it is not believed."""
        applied = self._telemetry.apply(node_name, report, self._monotonic())
        node = self._telemetry.get(node_name)
        if node is not None:
            self._mark_shifted(node)
        for incident in self._node_news.take(node_name, applied.incidents, self._wall_clock()):
            self._node_incident(node_name, incident)
        if report.full or applied.new_instance:
            concerned: Iterable[str] = self._cluster.index.on_node(node_name)
        else:
            concerned = self._of_cgroups(node_name, applied.pod_uids)
        self._dirty.mark_told(node_name, concerned, kill=bool(applied.incidents))

    def expire(self, stale_seconds: float) -> None:
        """Agents that have been silent for so long: nothing is known of their pods any more."""
        for node_name in self._telemetry.expire(self._monotonic(), stale_seconds):
            self._contexts.forget(node_name)
            pods = self._cluster.index.on_node(node_name)
            log.warning(
                "agent silent, its pods are unknown now: is it running, and can the operator reach its port?",
                extra={"node": node_name, "pods": len(pods), "silent_seconds": stale_seconds},
            )
            self._dirty.mark_silent(node_name, pods)

    def context(self, node: NodeTelemetry) -> NodeContext:
        """As of the node's newest report."""
        self._mark_shifted(node)
        return self._contexts.get(node)

    def silent_context(self, node_name: str | None) -> NodeContext:
        """Of a node whose agent is silent, or of no node at all."""
        return NodeContext(node_name or "", has_spoken=self._telemetry.has_spoken(node_name))

    def _mark_shifted(self, node: NodeTelemetry) -> None:
        """Bring the node's context up to date. What that shifts is told once, so whoever asks first marks for all."""
        shift = self._contexts.update(node)
        if shift is None:
            return
        name = node.node_name
        shifted = self._cluster.index.on_node(name) if shift.whole_node else self._of_cgroups(name, shift.cgroup_uids)
        self._dirty.mark_told(name, shifted, kill=False)

    def _of_cgroups(self, node_name: str, cgroup_uids: Iterable[str]) -> list[str]:
        """Uids of the node's pods whose cgroups these are."""
        index = self._cluster.index
        on_node = index.on_node(node_name)
        return [uid for cgroup_uid in cgroup_uids for uid in index.of_cgroup(cgroup_uid) if uid in on_node]
