"""The operator's Prometheus metrics: judgement per pod and container, and the operator's own health.

Series of a pod come from one small record per pod, so they go when the pod goes. Labels are namespace, pod, container and node;
never a process name, pid, image or message.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from oomsight_api.incident import KernelLog
from oomsight_api.names import Advice, Cause, RiskLevel
from oomsight_operator.judgement.model import Assessment, ContainerAssessment, Kill, Pod
from oomsight_operator.publishing.node_metrics import NodeMetrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SCOPES = ("container", "process")
"""Label `scope` of kills: the container ended, or a process in it while the container went on."""

_KillName = tuple[str, tuple[str, str, str]]
"""Container name and the kill's identity."""
_NO_KILLS: Mapping[_KillName, int] = MappingProxyType({})
"""One for all pods without a kill."""


@dataclass(frozen=True, slots=True)
class _Container:
    name: str
    level: RiskLevel
    recommended_limit_bytes: int | None
    recommended_request_bytes: int | None
    seconds_until_limit: float | None
    advice: tuple[Advice, ...] = ()


@dataclass(slots=True)
class _PodRecord:
    namespace: str
    name: str
    node: str
    level: RiskLevel
    containers: tuple[_Container, ...]
    kills: dict[tuple[str, str], int]
    """Kills since this operator first saw the pod, by container name and scope; restarts of the container do not reset it."""
    processes: Mapping[_KillName, int]
    """How many processes are counted of each kill that is known now, by the kill's name."""


class _PodCollector(Collector):
    """Families made from the records at each scrape."""

    def __init__(self) -> None:
        self.records: dict[str, _PodRecord] = {}
        """By pod uid."""

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        labels = ("namespace", "pod", "container", "node")
        pods = GaugeMetricFamily("oomsight_pods", "Pods under a policy by level of OOM risk", labels=("namespace", "level"))
        risk = GaugeMetricFamily(
            "oomsight_container_risk_info", "1, with the container's level of OOM risk as a label", labels=(*labels, "level")
        )
        limit = GaugeMetricFamily(
            "oomsight_container_recommended_limit_bytes", "Recommended memory limit of the container", labels=labels
        )
        request = GaugeMetricFamily(
            "oomsight_container_recommended_request_bytes", "Recommended memory request of the container", labels=labels
        )
        kills = CounterMetricFamily(
            "oomsight_container_observed_oom_kills",
            "Processes killed by the OOM killer as the operator told them, since it first saw the pod; scope container: "
            "the container ended, process: it went on",
            labels=(*labels, "scope"),
        )
        advice = GaugeMetricFamily(
            "oomsight_container_advice_info",
            "1 for each common mistake that was found at the container",
            labels=(*labels, "advice"),
        )
        left = GaugeMetricFamily(
            "oomsight_container_seconds_until_limit",
            "Forecast time until unreclaimable memory reaches the limit, as of the last judgement; absent where it does not, or is"
            " unknown",
            labels=labels,
        )
        tally: Tally[tuple[str, RiskLevel]] = Tally()
        for record in list(self.records.values()):
            tally[record.namespace, record.level] += 1
            for container in record.containers:
                where = (record.namespace, record.name, container.name, record.node)
                risk.add_metric((*where, container.level.value), 1)
                for given in container.advice:
                    advice.add_metric((*where, given.value), 1)
                if container.recommended_limit_bytes is not None:
                    limit.add_metric(where, container.recommended_limit_bytes)
                if container.recommended_request_bytes is not None:
                    request.add_metric(where, container.recommended_request_bytes)
                if container.seconds_until_limit is not None:
                    left.add_metric(where, container.seconds_until_limit)
                for scope in SCOPES:
                    kills.add_metric((*where, scope), record.kills.get((container.name, scope), 0))
        for namespace in sorted({namespace for namespace, _ in tally}):
            for level in RiskLevel:
                pods.add_metric((namespace, level.value), tally[namespace, level])
        yield from (pods, risk, advice, limit, request, left, kills)


class OperatorMetrics:
    """All metrics of one operator, in a registry of its own. Methods are cheap and may be called on every assessment."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._pods = _PodCollector()
        self._uids: dict[tuple[str, str], str] = {}
        """Pod uid by namespace and name."""
        self.registry.register(self._pods)
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
            "Judgements of a pod that failed by a fault of the operator",
            registry=self.registry,
        )
        self._oom_kills = Counter(
            "oomsight_oom_kills",
            "Processes killed by the OOM killer in pods under a policy since the operator started, by whose memory ran out and why",
            ("namespace", "scope", "cause"),
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
        # A pod made anew under its name may be told before its predecessor's end: two series with the same labels break a scrape.
        predecessor = self._uids.get((pod.namespace, pod.name))
        if predecessor is not None and predecessor != pod.uid:
            self.forget(predecessor)
        self._uids[pod.namespace, pod.name] = pod.uid
        record = self._pods.records.get(pod.uid)
        kills = record.kills if record is not None else {}
        counted = record.processes if record is not None else {}
        processes: dict[_KillName, int] = {}
        for container in assessment.containers:
            new = {kill.identity for kill in container.new_kills}
            for kill in container.kills:
                name, now = (container.name, kill.identity), max(1, kill.processes)
                before = 0 if kill.identity in new else counted.get(name, now)  # a kill of before this operator is not counted
                processes[name] = max(now, before)
                if now <= before:
                    continue
                key = (container.name, _scope(kill))
                kills[key] = kills.get(key, 0) + now - before
                scope = kill.scope.value if kill.scope is not None else "unknown"
                cause = kill.cause.cause if kill.cause is not None else Cause.UNKNOWN
                self._oom_kills.labels(pod.namespace, scope, cause.value).inc(now - before)
        containers = tuple(_container_record(container) for container in assessment.containers)
        self._pods.records[pod.uid] = _PodRecord(
            pod.namespace, pod.name, pod.node_name or "", assessment.level, containers, kills, processes or _NO_KILLS
        )

    def forget(self, pod_uid: str) -> None:
        """The pod is gone, or under no policy any more: its series go."""
        record = self._pods.records.pop(pod_uid, None)
        if record is not None and self._uids.get((record.namespace, record.name)) == pod_uid:
            del self._uids[record.namespace, record.name]

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
        """The log says which pod's, and why."""
        self._faults.inc()

    def malformed(self, source: str, count: int = 1) -> None:
        """Inputs left out. `source` is a constant such as `report`, `pod`, `policy`, `watch`; never a tenant's text."""
        self._malformed.labels(source).inc(count)

    def set_leader(self, leading: bool) -> None:
        self._leader.set(int(leading))


def _container_record(container: ContainerAssessment) -> _Container:
    recommendation = container.recommendation
    return _Container(
        container.name,
        container.level,
        recommendation.limit_bytes if recommendation else None,
        recommendation.request_bytes if recommendation else None,
        container.forecast.seconds_to_limit if container.forecast is not None else None,
        tuple(given.advice for given in container.advice),
    )


def _scope(kill: Kill) -> str:
    return "container" if kill.ended_container else "process"
