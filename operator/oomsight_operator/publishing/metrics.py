"""The operator's Prometheus metrics in one registry: of pods (pod_metrics.py), of nodes (node_metrics.py), of its own health."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from oomsight_api.incident import KernelLog
from oomsight_operator.judgement.model import Assessment, Pod
from oomsight_operator.publishing.node_metrics import NodeMetrics
from oomsight_operator.publishing.pod_metrics import PodMetrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class OperatorMetrics:
    """All metrics of one operator, in a registry of its own. Methods are cheap and may be called on every assessment."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._pods = PodMetrics(self.registry)
        self.nodes = NodeMetrics()
        self.registry.register(self.nodes)
        self._writes = Counter(
            "oomsight_operator_writes",
            "Requests that wrote to the API, by resource and outcome",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self._retries = Counter(
            "oomsight_operator_write_retries", "Writes that failed and will be tried again", ("kind",), registry=self.registry
        )
        self._suppressed = Counter(
            "oomsight_operator_events_suppressed", "Events not sent because their object had its share", registry=self.registry
        )
        self._queue_depth = Gauge("oomsight_operator_write_queue_depth", "Objects waiting to be written", registry=self.registry)
        self._agents = Gauge(
            "oomsight_operator_agents", "Node agents known, and of these fresh and stale", ("state",), registry=self.registry
        )
        self._report_latency = Histogram(
            "oomsight_operator_report_latency_seconds",
            "From an agent's sample to its report being joined with pods",
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
            registry=self.registry,
        )
        self._informer_synced = Gauge(
            "oomsight_operator_informer_synced", "1 when the informer has a complete list", ("resource",), registry=self.registry
        )
        self._informer_objects = Gauge(
            "oomsight_operator_informer_objects", "Objects that the informer holds", ("resource",), registry=self.registry
        )
        self._informer_relists = Counter(
            "oomsight_operator_informer_relists", "Times the informer had to list anew", ("resource",), registry=self.registry
        )
        self._malformed = Counter(
            "oomsight_operator_malformed",
            "Inputs that made no sense and were left out, by source",
            ("source",),
            registry=self.registry,
        )
        self._informer_broken = Counter(
            "oomsight_operator_informer_broken_streams",
            "Lists and watches that broke off or were refused",
            ("resource",),
            registry=self.registry,
        )
        self._faults = Counter(
            "oomsight_operator_judgement_faults",
            "Judgements of a pod or a node that failed by a fault of the operator",
            registry=self.registry,
        )
        self._kernel_logs = Gauge(
            "oomsight_operator_agents_kernel_log",
            "Fresh agents by whether they read the kernel's log: followed, failed (asked to, and could not), off",
            ("state",),
            registry=self.registry,
        )
        self._records_lost = Gauge(
            "oomsight_operator_kernel_log_records_lost",
            "Records of the kernel's log that were overwritten before the fresh agents read them, since these started",
            registry=self.registry,
        )
        self._unattributed = Gauge(
            "oomsight_operator_unattributed_oom_kills",
            "Kills that the fresh agents' nodes counted beyond those that are told, since these agents started",
            registry=self.registry,
        )
        self._leader = Gauge("oomsight_operator_leader", "1 in the replica that is active", registry=self.registry)

    def render(self) -> bytes:
        """The exposition, Prometheus text format (see CONTENT_TYPE). Safe to call in another thread."""
        return generate_latest(self.registry)

    # Judgement (called by the publisher)

    def observe(self, pod: Pod, assessment: Assessment) -> None:
        """Take over the judgement of a pod; `new_kills`, and what is told later of their victims, are added to its counters."""
        self._pods.observe(pod, assessment)

    def forget(self, pod_uid: str) -> None:
        """The pod is gone, or under no policy any more: its series go."""
        self._pods.forget(pod_uid)

    # Writing (called by the runner and the emitter)

    def wrote(self, kind: str, outcome: str, count: int = 1) -> None:
        """`outcome`: ok, gone (object deleted meanwhile), rejected (given up), error (a fault of ours)."""
        self._writes.labels(kind, outcome).inc(count)

    def retried(self, kind: str) -> None:
        self._retries.labels(kind).inc()

    def suppressed_event(self) -> None:
        self._suppressed.inc()

    def follow_queue(self, depth: Callable[[], int]) -> None:
        """Read the queue's depth at each scrape."""
        self._queue_depth.set_function(depth)

    # Reports, agents and informers (called by polling, inventory and the engine)

    def set_agents(self, *, known: int, fresh: int, stale: int) -> None:
        """Agents known from the API; fresh ones reported lately, stale ones did once or never but not lately."""
        for state, count in (("known", known), ("fresh", fresh), ("stale", stale)):
            self._agents.labels(state).set(count)

    def set_evidence(self, logs: Iterable[KernelLog | None], unattributed: Iterable[int | None]) -> None:
        """What the fresh agents say of their evidence: `kernel_log` and `unattributed_oom_kills` of their last reports."""
        states: Tally[str] = Tally()
        lost = 0
        for log in logs:
            states["off" if log is None else "followed" if log.following else "failed"] += 1
            lost += log.records_lost if log is not None else 0
        for state in ("followed", "failed", "off"):
            self._kernel_logs.labels(state).set(states[state])
        self._records_lost.set(lost)
        self._unattributed.set(sum(kills for kills in unattributed if kills is not None))

    def observe_report_latency(self, seconds: float) -> None:
        """Seconds from the agent's sample to the join."""
        self._report_latency.observe(max(0.0, seconds))

    def set_informer(self, resource: str, *, synced: bool, objects: int) -> None:
        self._informer_synced.labels(resource).set(int(synced))
        self._informer_objects.labels(resource).set(objects)

    def informer_relisted(self, resource: str, count: int = 1) -> None:
        self._informer_relists.labels(resource).inc(count)

    def informer_broken(self, resource: str, count: int = 1) -> None:
        self._informer_broken.labels(resource).inc(count)

    def judgement_failed(self) -> None:
        """The log says of which pod or node, and why."""
        self._faults.inc()

    def malformed(self, source: str, count: int = 1) -> None:
        """Inputs left out. `source` is a constant such as `report`, `pod`, `policy`, `watch`; never a tenant's text."""
        self._malformed.labels(source).inc(count)

    def set_leader(self, leading: bool) -> None:
        self._leader.set(int(leading))
