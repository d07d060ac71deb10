"""Sends Events of `events.k8s.io/v1`: one Event for what repeats, with its series patched, and a bounded number per object.

An Event's name is derived from what it is about, and it carries the last occurrences it told in an annotation. So when a restarted
operator meets `AlreadyExists`, it can see whether the kill at hand was told or is one more of the series. The API server lets
only `series` change (ValidateEventUpdate in pkg/apis/core/validation/events.go), with a count of at least 2.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from oomsight_api.names import PREFIX, RiskLevel
from oomsight_operator.judgement.model import Owner, Pod
from oomsight_operator.judgement.words import short_hash
from oomsight_operator.kube.client import MERGE_PATCH
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.budget import KeyedBuckets, priority_of
from oomsight_operator.publishing.events import ObjectEvent
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.runner import ApiClient, Runner
from oomsight_operator.publishing.settings import PublisherSettings

logger = logging.getLogger(__name__)

REPORTING_CONTROLLER = f"{PREFIX}operator"
OCCURRENCES = f"{PREFIX}occurrences"
"""Annotation on our Events: hashes of the last occurrences that the Event tells."""
MAX_OCCURRENCES = 8
MAX_INSTANCE_LENGTH = 128
_WARNING_PRIORITY = priority_of(RiskLevel.HIGH)
_KILL_PRIORITY = priority_of(RiskLevel.CRITICAL, killed=True)
"""With the pods' annotations of kills, and before what is kept for the long run."""


@dataclass(frozen=True, slots=True)
class Regarding:
    """What an Event is about."""

    kind: str
    name: str
    uid: str
    """Of a node its name, as the kubelet sets it in its Events and `kubectl describe node` looks for it."""
    namespace: str | None = None

    @property
    def event_namespace(self) -> str:
        """Where its Events stand; those of objects without a namespace in `default` (ValidateEventCreate of the API server)."""
        return self.namespace if self.namespace is not None else "default"

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace is not None else f"{self.kind} {self.name}"

    def reference(self) -> dict[str, str]:
        """The fields of v1.ObjectReference."""
        place = {"namespace": self.namespace} if self.namespace is not None else {}
        return {"apiVersion": "v1", "kind": self.kind, **place, "name": self.name, "uid": self.uid}


@dataclass(slots=True)
class _Series:
    """One Event, and what of it was sent."""

    regarding: Regarding
    workload: Owner | None
    event: ObjectEvent
    first_seconds: float
    last_seconds: float
    waiting: list[str]
    """Hashes of occurrences to be told, oldest first."""
    told: tuple[str, ...] = ()
    count: int = 0
    """Occurrences that stand in the Event; 0: it was not made yet, or is not known to be."""


class EventEmitter:
    """Takes Events of pods and nodes and sends them through the runner."""

    def __init__(
        self,
        runner: Runner,
        settings: PublisherSettings,
        metrics: OperatorMetrics,
        *,
        reporting_instance: str,
        wall_clock: Callable[[], float],
    ) -> None:
        self._runner = runner
        self._settings = settings
        self._metrics = metrics
        self._instance = reporting_instance[:MAX_INSTANCE_LENGTH] or "unknown"
        self._wall_clock = wall_clock
        self._budgets = KeyedBuckets(1 / settings.event_refill_seconds, settings.event_burst)
        self._series: OrderedDict[str, _Series] = OrderedDict()
        """By key, least recently used first."""

    def __len__(self) -> int:
        return len(self._series)

    def offer(self, pod: Pod, events: Iterable[ObjectEvent], workload: Owner | None = None) -> None:
        """Tell these of a pod; what was told already, or exceeds the pod's share, is not sent."""
        self._offer(Regarding("Pod", pod.name, pod.uid, pod.namespace), events, workload)

    def offer_node(self, node_name: str, event: ObjectEvent) -> None:
        """The same of a node."""
        self._offer(Regarding("Node", node_name, node_name), (event,), None)

    def _offer(self, regarding: Regarding, events: Iterable[ObjectEvent], workload: Owner | None) -> None:
        now = self._wall_clock()
        self._expire(now)
        for event in events:
            key = f"events/{regarding.event_namespace}/{event.name(regarding)}"
            occurrence = short_hash(event.occurrence)
            series = self._series.get(key)
            if series is not None and (occurrence in series.told or occurrence in series.waiting):
                continue
            if not self._budgets.take(f"{regarding.kind}/{regarding.uid}", self._runner.now()):
                self._metrics.suppressed_event()
                logger.debug("event not sent: its object had its share", extra={"object": str(regarding), "reason": event.reason})
                continue
            if series is None:
                series = self._series[key] = _Series(regarding, workload, event, now, now, [])
            series.waiting.append(occurrence)
            series.last_seconds = now
            self._series.move_to_end(key)
            priority = _KILL_PRIORITY if event.urgent else _WARNING_PRIORITY if event.type == "Warning" else 0
            self._runner.put(key, _EventWrite(self, series), priority=priority)

    async def write(self, series: _Series, client: ApiClient) -> int:
        """Make the Event or continue its series; called by the runner."""
        if self._wall_clock() - series.last_seconds > self._settings.event_max_age_seconds:
            # It could not be told for so long (a missing right, say) that it is no news; waiting Events must not grow for ever.
            for _ in series.waiting:
                self._metrics.suppressed_event()
            series.waiting.clear()
        waiting = tuple(series.waiting)
        if not waiting:
            return 0
        path = f"/apis/events.k8s.io/v1/namespaces/{quote(series.regarding.event_namespace, safe='')}/events"
        name = series.event.name(series.regarding)
        if series.count == 0:
            told = waiting[-MAX_OCCURRENCES:]
            try:
                await client.request("POST", path, body=self._manifest(series, name, len(waiting), told))
            except ApiError as error:
                if error.status != 409 or error.reason != "AlreadyExists":
                    raise
                standing = await client.request("GET", f"{path}/{quote(name, safe='')}")
                series.count, series.told = _count(standing), _told(standing)
                waiting = tuple(occurrence for occurrence in waiting if occurrence not in series.told)
            else:
                self._sent(series, waiting, len(waiting), told)
                return 1
        if not waiting:
            self._sent(series, (), series.count, series.told)
            return 0
        count, told = series.count + len(waiting), (*series.told, *waiting)[-MAX_OCCURRENCES:]
        patch = {
            "metadata": {"annotations": {OCCURRENCES: ",".join(told)}},
            "series": {"count": count, "lastObservedTime": micro_time(series.last_seconds)},
        }
        try:
            await client.request("PATCH", f"{path}/{quote(name, safe='')}", body=patch, content_type=MERGE_PATCH)
        except ApiError as error:
            if error.status != 404:
                raise
            series.count, series.told = 0, ()  # the API server keeps Events for an hour only: begin anew
            series.waiting = list(waiting)
            return await self.write(series, client)
        self._sent(series, waiting, count, told)
        return 1

    def _sent(self, series: _Series, sent: tuple[str, ...], count: int, told: tuple[str, ...]) -> None:
        series.count, series.told = count, told
        series.waiting = [occurrence for occurrence in series.waiting if occurrence not in sent and occurrence not in told]

    def _manifest(self, series: _Series, name: str, count: int, told: tuple[str, ...]) -> dict[str, Any]:
        event, namespace = series.event, series.regarding.event_namespace
        regarding = series.regarding.reference()
        manifest: dict[str, Any] = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace, "annotations": {OCCURRENCES: ",".join(told)}},
            "eventTime": micro_time(series.first_seconds),
            "reportingController": REPORTING_CONTROLLER,
            "reportingInstance": self._instance,
            "type": event.type,
            "action": event.action.value,
            "reason": event.reason.value,
            "note": event.note,
            "regarding": regarding if event.field_path is None else {**regarding, "fieldPath": event.field_path},
        }
        if series.workload is not None:
            owner = series.workload
            manifest["related"] = {
                "apiVersion": owner.api_version,
                "kind": owner.kind,
                "namespace": namespace,
                "name": owner.name,
                "uid": owner.uid,
            }
        if count > 1:
            manifest["series"] = {"count": count, "lastObservedTime": micro_time(series.last_seconds)}
        return manifest

    def _expire(self, now: float) -> None:
        """Forget Events that the API server has forgotten, or will soon."""
        while self._series:
            key, series = next(iter(self._series.items()))
            if now - series.last_seconds < self._settings.event_max_age_seconds or self._runner.is_busy(key):
                return
            del self._series[key]


@dataclass(frozen=True, slots=True)
class _EventWrite:
    emitter: EventEmitter
    series: _Series
    kind: str = "events"

    @property
    def target(self) -> str:
        return f"{self.series.regarding.event_namespace}/{self.series.event.name(self.series.regarding)}"

    async def perform(self, client: ApiClient) -> int:
        return await self.emitter.write(self.series, client)


def micro_time(time_seconds: float) -> str:
    """metav1.MicroTime: RFC 3339 in UTC with six digits."""
    return datetime.fromtimestamp(time_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _count(document: Mapping[str, Any]) -> int:
    series = document.get("series")
    count = series.get("count") if isinstance(series, Mapping) else None
    return count if isinstance(count, int) and count > 1 else 1


def _told(document: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = document.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    text = annotations.get(OCCURRENCES) if isinstance(annotations, Mapping) else None
    return tuple(text.split(",")[-MAX_OCCURRENCES:]) if isinstance(text, str) else ()
