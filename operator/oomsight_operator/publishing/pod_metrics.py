"""The operator's metrics of pods and their containers: level of risk, recommendation, forecast, advice and kills.

Series of a pod come from one small record per pod, so they go when the pod goes. Labels are namespace, pod, container and node;
never a process name, pid, image or message.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from oomsight_api.names import Advice, Cause, RiskLevel
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import Assessment, ContainerAssessment, Pod

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


class PodMetrics(Collector):
    """One small record a pod; families are made from them at each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Registers itself, and the counter that outlives the pods."""
        self._records: dict[str, _PodRecord] = {}
        """By pod uid."""
        self._uids: dict[tuple[str, str], str] = {}
        """Pod uid by namespace and name."""
        registry.register(self)
        self._oom_kills = Counter(
            "oomsight_oom_kills",
            "Processes killed by the OOM killer in pods under a policy since the operator started, by whose memory ran out and why",
            ("namespace", "scope", "cause"),
            registry=registry,
        )

    def observe(self, pod: Pod, assessment: Assessment) -> None:
        """Take over the judgement of a pod; `new_kills`, and what is told later of their victims, are added to its counters."""
        # A pod made anew under its name may be told before its predecessor's end: two series with the same labels break a scrape.
        predecessor = self._uids.get((pod.namespace, pod.name))
        if predecessor is not None and predecessor != pod.uid:
            self.forget(predecessor)
        self._uids[pod.namespace, pod.name] = pod.uid
        record = self._records.get(pod.uid)
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
        self._records[pod.uid] = _PodRecord(
            pod.namespace, pod.name, pod.node_name or "", assessment.level, containers, kills, processes or _NO_KILLS
        )

    def forget(self, pod_uid: str) -> None:
        """The pod is gone, or under no policy any more: its series go."""
        record = self._records.pop(pod_uid, None)
        if record is not None and self._uids.get((record.namespace, record.name)) == pod_uid:
            del self._uids[record.namespace, record.name]

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
        for record in list(self._records.values()):
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
