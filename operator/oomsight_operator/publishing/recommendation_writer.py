"""Keeps one MemoryRecommendation per workload: at once after a kill, else seldom, and only when it would say something new."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oomsight_api.kinds import MEMORY_RECOMMENDATION
from oomsight_api.names import API_VERSION, RiskLevel
from oomsight_api.parse import ParsedRecommendation, parse_recommendation
from oomsight_api.recommendation import MemoryRecommendationStatus
from oomsight_operator.judgement.model import Assessment, Owner, Pod, PodHistory
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.kube.client import MERGE_PATCH
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.budget import not_before, priority_of
from oomsight_operator.publishing.digest import encode_digest, histories_of, learned_of, memory_of
from oomsight_operator.publishing.kill_records import ContainerMemory, explained, merge_memories, remember
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.patches import is_other_uid, status_patch
from oomsight_operator.publishing.recommendations import (
    Contribution,
    contribution_of,
    has_news,
    object_name,
    same_recommendation,
    status_of,
    target_of,
)
from oomsight_operator.publishing.runner import ApiClient, Runner
from oomsight_operator.publishing.settings import PublisherSettings

logger = logging.getLogger(__name__)

MANAGED_BY = {"app.kubernetes.io/managed-by": "oomsight"}
_PRIORITY = priority_of(RiskLevel.LOW)
_SHORT_LIVED = frozenset({"Pod", "Job"})


@dataclass(frozen=True, slots=True)
class Restored:
    """What an earlier run wrote."""

    histories: Mapping[str, PodHistory] = field(default_factory=dict)
    """By pod uid."""
    learned: Mapping[str, Mapping[str, State]] = field(default_factory=dict)
    """What the recommender remembers: by the uid of the workload, and the container's name."""


@dataclass(slots=True)
class _Record:
    """One workload."""

    namespace: str
    target: Owner
    name: str
    uid: str | None = None
    """Of the MemoryRecommendation; None: not made yet, as far as is known."""
    generation: int = 1
    contributions: dict[str, Contribution] = field(default_factory=dict)
    """By pod uid."""
    leaving: set[str] = field(default_factory=set)
    """Pods that are gone, but what they said is not written yet."""
    memories: dict[str, ContainerMemory] = field(default_factory=dict)
    """By container name."""
    learned: dict[str, State] = field(default_factory=dict)
    """By container name: what the recommender remembers."""
    written: MemoryRecommendationStatus = field(default_factory=MemoryRecommendationStatus)
    last_write: float | None = None
    killed: bool = False
    """A kill is not written yet."""
    restored_pods: tuple[str, ...] = ()
    """Pods that an earlier run told of; some may be gone."""

    def adopt(self, parsed: ParsedRecommendation, now_seconds: float) -> None:
        """Go on from the object as it stands."""
        self.learned = {**learned_of(parsed.status.containers, now_seconds), **self.learned}
        self.uid, self.generation, self.written = parsed.identity.uid, max(1, parsed.identity.generation), parsed.status
        for container in parsed.status.containers:
            standing, own = memory_of(container), self.memories.get(container.name, ContainerMemory())
            self.memories[container.name] = merge_memories(standing, own)


class RecommendationWriter:
    """Gathers what pods say about their workloads."""

    def __init__(
        self, runner: Runner, settings: PublisherSettings, metrics: OperatorMetrics, *, wall_clock: Callable[[], float]
    ) -> None:
        self._runner = runner
        self._settings = settings
        self._metrics = metrics
        self._wall_clock = wall_clock
        self._records: dict[str, _Record] = {}
        """By the uid of the workload: one made anew under its name starts from nothing."""
        self._by_pod: dict[str, _Record] = {}
        self._idle: dict[str, float] = {}
        """Since when a workload has had no judged pod, by its uid, longest first."""
        self._warned = False

    def __len__(self) -> int:
        return len(self._records)

    def restore(self, documents: Iterable[Mapping[str, Any]]) -> Restored:
        """Take over what an earlier run wrote, for the judgement to go on from. Malformed objects are logged, left out."""
        histories: dict[str, PodHistory] = {}
        learned: dict[str, Mapping[str, State]] = {}
        for document in documents:
            parsed = parse_recommendation(document)
            target = _owner_of(document)
            if not isinstance(parsed, ParsedRecommendation) or target is None:
                self._metrics.malformed("recommendation")
                why = "it has no owner" if isinstance(parsed, ParsedRecommendation) else parsed.message
                logger.warning("recommendation not taken over: %s", why)
                continue
            record = _Record(parsed.identity.namespace or "", target, parsed.identity.name)
            record.adopt(parsed, self._wall_clock())
            learned[target.uid] = dict(record.learned)
            # Not every replica was judged yet: a first look at one of them must not hide the worst.
            record.last_write = self._runner.now()
            self._records[target.uid] = record
            restored = histories_of(parsed.status.containers)
            histories.update(restored)
            record.restored_pods = tuple(restored)
            self._rest(record)
            for pod_uid in restored:
                self._by_pod[pod_uid] = record
        return Restored(histories, learned)

    def offer(self, pod: Pod, assessment: Assessment, workload: Owner | None, history: PodHistory | None) -> None:
        """Take over what the judgement of one pod says about its workload."""
        target = target_of(pod, workload)
        record = self._records.get(target.uid)
        if record is None:
            if not has_news(assessment):
                return
            record = self._records[target.uid] = _Record(pod.namespace, target, object_name(target))
        self._idle.pop(target.uid, None)
        if self._by_pod.get(pod.uid, record) is not record:
            self.forget(pod.uid)  # its Deployment was not known before, and its ReplicaSet stood for itself
        record.learned |= {each.name: each.learned for each in assessment.containers if each.learned is not None}
        contribution = contribution_of(pod, assessment, history)
        before = record.contributions.get(pod.uid)
        record.contributions[pod.uid] = contribution
        self._by_pod[pod.uid] = record
        killed = self._remember(record, contribution, before)
        record.killed |= killed
        if before == contribution and not killed and not self._is_digest_old(record):
            return
        self._put(record)

    def withdraw(self, pod_uid: str) -> None:
        """No policy selects the pod any more. The workload's last one makes its recommendation say so; what was learned stays."""
        record = self._by_pod.pop(pod_uid, None)
        if record is None:
            return
        record.contributions.pop(pod_uid, None)
        if not record.contributions:
            self._rest(record)
            if record.written.policy is not None:
                self._put(record)

    def forget(self, pod_uid: str) -> None:
        """The pod is gone; its kills and the workload's recommendation stay."""
        record = self._by_pod.pop(pod_uid, None)
        if record is None:
            return
        waiting = self._runner.is_waiting(_key(record))
        if waiting:
            record.leaving.add(pod_uid)
        else:
            record.contributions.pop(pod_uid, None)
        if not record.contributions.keys() <= record.leaving:
            return
        if record.target.kind in _SHORT_LIVED and not waiting:
            # A bare pod or Job does not come back; there may be very many of them.
            self._records.pop(record.target.uid, None)
        else:
            self._rest(record)

    def _rest(self, record: _Record) -> None:
        """The workload has no judged pod now. One that stays so is forgotten; what is written of it brings all back if need be."""
        now = self._runner.now()
        self._idle.pop(record.target.uid, None)
        self._idle[record.target.uid] = now
        while self._idle:
            uid, since = next(iter(self._idle.items()))
            if now - since < self._settings.digest_interval_seconds:
                return
            del self._idle[uid]
            gone = self._records.pop(uid, None)
            if gone is not None:
                self._runner.discard(_key(gone))
                for pod_uid in gone.restored_pods:
                    self._by_pod.pop(pod_uid, None)

    async def write(self, record: _Record, client: ApiClient) -> int:
        """Write the status, making the object first where there is none; called by the runner."""
        writes = await self._make(record, client) if record.uid is None else 0
        now = self._wall_clock()
        pods, leaving = tuple(record.contributions.values()), frozenset(record.leaving)
        status = status_of(record.target, pods, record.memories, record.written, generation=record.generation, now_seconds=now)
        digest_only = same_recommendation(status, record.written)
        if digest_only and not self._is_digest_old(record):
            record.killed = False
            self._let_go(record, leaving)
            return writes
        containers = tuple(
            container.model_copy(
                update={
                    "digest": encode_digest(
                        container.name,
                        pods,
                        record.memories.get(container.name, ContainerMemory()),
                        record.learned.get(container.name),
                    )
                }
            )
            for container in status.containers
        )
        status = status.model_copy(update={"containers": containers})
        path = MEMORY_RECOMMENDATION.path(record.namespace, record.name, "status")
        try:
            await client.request("PATCH", path, body=status_patch(record.uid or "", status), content_type=MERGE_PATCH)
        except ApiError as error:
            if error.status != 404 and not is_other_uid(error):
                raise
            # Somebody deleted it: make it anew, once; a second failure is the runner's matter.
            writes += await self._make(record, client)
            await client.request("PATCH", path, body=status_patch(record.uid or "", status), content_type=MERGE_PATCH)
        record.written, record.last_write, record.killed = status, self._runner.now(), False
        self._let_go(record, leaving)
        return writes + 1

    def _let_go(self, record: _Record, leaving: frozenset[str]) -> None:
        for pod_uid in leaving:
            record.contributions.pop(pod_uid, None)
        record.leaving -= leaving

    async def _make(self, record: _Record, client: ApiClient) -> int:
        """Make the object, or go on from the one that is there. The number of writes."""
        target = record.target
        body = {
            "apiVersion": API_VERSION,
            "kind": MEMORY_RECOMMENDATION.kind,
            "metadata": {
                "name": record.name,
                "namespace": record.namespace,
                "labels": MANAGED_BY,
                "ownerReferences": [
                    {"apiVersion": target.api_version, "kind": target.kind, "name": target.name, "uid": target.uid}
                ],
            },
            "spec": {"targetRef": {"apiVersion": target.api_version, "kind": target.kind, "name": target.name}},
        }
        try:
            answer = await client.request("POST", MEMORY_RECOMMENDATION.path(record.namespace), body=body)
            writes = 1
        except ApiError as error:
            if error.status == 404 and not self._warned:
                self._warned = True
                logger.warning("recommendations cannot be kept, is their CRD installed? %s", error.message)
            if error.status != 409:
                raise
            answer = await self._standing(record, client)
            writes = 0
            owner = _owner_of(answer)
            if owner is not None and owner.uid != target.uid:
                # Either the predecessor's object waits to be collected, or we are the predecessor: the back-off ends both.
                what = f"{MEMORY_RECOMMENDATION.kind} {record.namespace}/{record.name}"
                raise ApiError(409, "Conflict", f"{what} belongs to another {target.kind} of the same name") from None
        parsed = parse_recommendation({"apiVersion": API_VERSION, "kind": MEMORY_RECOMMENDATION.kind, **answer})
        if isinstance(parsed, ParsedRecommendation):
            record.adopt(parsed, self._wall_clock())
        else:
            logger.warning("recommendation %s/%s is not what was written: %s", record.namespace, record.name, parsed.message)
            record.uid = parsed.identity.uid if parsed.identity is not None else None
        return writes

    async def _standing(self, record: _Record, client: ApiClient) -> dict[str, Any]:
        """The object whose name is taken. Raises ApiError; one that was collected just now is worth another try."""
        try:
            return await client.request("GET", MEMORY_RECOMMENDATION.path(record.namespace, record.name))
        except ApiError as error:
            if error.status != 404:
                raise
            raise ApiError(409, "Conflict", f"{record.namespace}/{record.name} went while it was looked at") from error

    def _remember(self, record: _Record, contribution: Contribution, before: Contribution | None) -> bool:
        """Whether a kill came that was not known, or more is known of one now."""
        news = False
        seen = {container.name: container.kills for container in before.containers} if before is not None else {}
        for container in contribution.containers:
            if container.kills == seen.get(container.name, ()):
                continue
            memory = record.memories.get(container.name, ContainerMemory())
            after = remember(memory, container.kills, contribution.pod_name, contribution.pod_uid)
            record.memories[container.name] = after
            # What only changes waits for the interval: an agent that tells now this and now that must not make us write each time.
            news |= after.known != memory.known or explained(after) > explained(memory)
        return news

    def _put(self, record: _Record) -> None:
        self._runner.put(
            _key(record),
            _RecommendationWrite(self, record),
            priority=priority_of(RiskLevel.HIGH, killed=True) if record.killed else _PRIORITY,
            not_before=not_before(record.last_write, self._settings.recommendation_interval_seconds, urgent=record.killed),
        )

    def _is_digest_old(self, record: _Record) -> bool:
        """What was learned without being told is kept now and then, too."""
        last = record.last_write
        return last is not None and self._runner.now() - last >= self._settings.digest_interval_seconds


@dataclass(frozen=True, slots=True)
class _RecommendationWrite:
    writer: RecommendationWriter
    record: _Record
    kind: str = MEMORY_RECOMMENDATION.plural

    @property
    def target(self) -> str:
        return f"{self.record.namespace}/{self.record.name}"

    async def perform(self, client: ApiClient) -> int:
        return await self.writer.write(self.record, client)


def _owner_of(document: Mapping[str, Any]) -> Owner | None:
    """The workload that owns a recommendation."""
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    references = metadata.get("ownerReferences") if isinstance(metadata, Mapping) else None
    for reference in references if isinstance(references, list) else ():
        if isinstance(reference, Mapping):
            parts = [reference.get(part) for part in ("apiVersion", "kind", "name", "uid")]
            if all(isinstance(part, str) and part for part in parts):
                return Owner(*(str(part) for part in parts))
    return None


def _key(record: _Record) -> str:
    return f"{MEMORY_RECOMMENDATION.plural}/{record.target.uid}"
