"""Keeps one MemoryRecommendation per workload: written at once after a kill, else seldom, and only to say or keep something new."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oomsight_api.kinds import MEMORY_RECOMMENDATION
from oomsight_api.names import RiskLevel
from oomsight_api.parse import ParsedRecommendation, parse_recommendation
from oomsight_api.policy import RecommendationMode
from oomsight_api.recommendation import MemoryRecommendationStatus
from oomsight_operator.judgement.model import Assessment, Owner, Pod, PodHistory
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing import recommendation_objects as objects
from oomsight_operator.publishing.budget import not_before, priority_of
from oomsight_operator.publishing.contributions import contribution_of, has_news
from oomsight_operator.publishing.digest import histories_of, learned_of, memory_of, problems_of
from oomsight_operator.publishing.keeping import (
    SHORT_LIVED,
    digest_interval_seconds,
    is_worth_an_object,
    lasts,
    spread,
    standing_of,
)
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.recommendation_record import Record
from oomsight_operator.publishing.recommendations import same_recommendation
from oomsight_operator.publishing.resting import Resting
from oomsight_operator.publishing.retries import is_given_up
from oomsight_operator.publishing.runner import ApiClient, Runner
from oomsight_operator.publishing.settings import PublisherSettings
from oomsight_operator.publishing.targets import object_name, target_of, workload_key

logger = logging.getLogger(__name__)

_BEHIND_PODS = priority_of(RiskLevel.UNKNOWN) - 1 - RiskLevel.CRITICAL.severity
"""After every pod's annotations, those that become unknown included: all workloads of a new installation may come at once."""

Recalled = Callable[[str, Mapping[str, State], Iterable[str]], None]
"""Key of a workload, what is known of it by container name, and the uids of its pods: to be judged with it."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What an earlier run wrote."""

    histories: Mapping[str, PodHistory] = field(default_factory=dict)
    """By pod uid."""
    learned: Mapping[str, Mapping[str, State]] = field(default_factory=dict)
    """What the recommender remembers: by `workload_key`, and the container's name."""


class RecommendationWriter:
    """Gathers what pods say about their workloads."""

    def __init__(
        self, runner: Runner, settings: PublisherSettings, metrics: OperatorMetrics, *, wall_clock: Callable[[], float]
    ) -> None:
        self.recalled: Recalled = lambda uid, learned, pods: None
        """Called when an object, or a rest, tells more of a workload than its judgement knew."""
        self._runner = runner
        self._settings = settings
        self._metrics = metrics
        self._wall_clock = wall_clock
        self._records: dict[str, Record] = {}
        """By `workload_key`: one made anew under its name starts from nothing."""
        self._by_pod: dict[str, Record] = {}
        self._resting = Resting(settings.digest_interval_seconds)
        self._warned = False

    def __len__(self) -> int:
        return len(self._records)

    def restore(self, documents: Iterable[Mapping[str, Any]]) -> Restored:
        """Take over what an earlier run wrote, for the judgement to go on from. Malformed objects are logged, left out."""
        histories: dict[str, PodHistory] = {}
        learned: dict[str, Mapping[str, State]] = {}
        now = self._runner.now()
        for document in documents:
            parsed = parse_recommendation(document)
            target = objects.owner_of(document)
            if not isinstance(parsed, ParsedRecommendation) or target is None:
                self._metrics.malformed("recommendation")
                why = "it has no owner" if isinstance(parsed, ParsedRecommendation) else parsed.message
                logger.warning("recommendation not taken over: %s", why)
                continue
            record = Record(parsed.identity.namespace or "", target, parsed.identity.name, now)
            self._adopt(record, parsed)
            learned[record.workload] = dict(record.learned)
            # Not every replica was judged yet: a first look at one of them must not hide the worst.
            record.last_write, record.digest_due = now, now + spread(target.uid) * self._digest_interval(record)
            self._records[record.workload] = record
            restored = histories_of(parsed.status.containers, self._wall_clock())
            histories.update(restored)
            record.standing = {uid: known for uid, history in restored.items() if (known := standing_of(history)) is not None}
            record.restored_pods = tuple(restored)
            self._rest(record)
            for pod_uid in restored:
                self._by_pod[pod_uid] = record
        return Restored(histories, learned)

    def offer(self, pod: Pod, assessment: Assessment, workload: Owner | None, history: PodHistory | None) -> None:
        """Take over what the judgement of one pod says about its workload."""
        target = target_of(pod, workload)
        record = self._records.get(workload_key(pod.namespace, target)) or self._begin(pod, target, assessment)
        if record is None:
            return
        self._resting.wake(record.workload)
        if self._by_pod.get(pod.uid, record) is not record:
            self.forget(pod.uid)  # its Deployment was not known before, and its ReplicaSet stood for itself
        self._by_pod[pod.uid] = record
        knows_more = record.learn(assessment)
        record.news |= has_news(assessment)
        record.ended = pod.phase in ("Succeeded", "Failed")
        record.decide(pod, assessment.policy)
        is_new = record.hear(contribution_of(pod, assessment, history), history)
        record.edited &= is_new or self._runner.is_waiting(record.key)  # else it changed nothing here
        if record.stands or self._is_wanted(record, is_new):
            self._put(record)
        if knows_more:
            self.recalled(record.workload, record.learned, tuple(record.contributions))
        self._end_rests()

    def withdraw(self, pod: Pod) -> None:
        """No policy selects the pod any more. The workload's last one makes its recommendation say so; what was learned stays."""
        record = self._by_pod.pop(pod.uid, None)
        if record is None or not record.release(pod):
            return
        self._rest(record)
        if record.uid is None:
            self._runner.discard(record.key)  # without a policy nothing is made
        elif record.written.policy is not None:
            self._put(record)

    def forget(self, pod_uid: str) -> None:
        """The pod is gone; its kills, what was learned and the workload's recommendation stay."""
        record = self._by_pod.pop(pod_uid, None)
        if record is None:
            return
        spoke = pod_uid in record.contributions
        record.leave(pod_uid)
        if spoke and not record.has_pods and record.material:
            self._put(record)  # what is not kept yet is for the pods to come
        waiting = self._runner.is_waiting(record.key)
        if not waiting:
            record.part(pod_uid)
        if record.has_pods:
            return
        if record.target.kind in SHORT_LIVED and not waiting:
            # A bare pod or Job does not come back; there may be very many of them.
            self._records.pop(record.workload, None)
        else:
            self._rest(record)

    def flush(self) -> None:
        """The operator ends: write at once whatever is not kept yet, the worst first, then what was not kept for longest."""
        for record in sorted(self._records.values(), key=lambda each: each.last_write or -math.inf):
            if record.is_kept and not self._runner.is_waiting(record.key):
                continue
            record.flush = record.has_pods or record.uid is not None
            if record.uid is not None or self._is_worth_an_object(record):
                worst = priority_of(record.level, killed=record.killed)
                self._runner.put(record.key, _Write(self, record), priority=worst if record.material or record.killed else 0)

    async def write(self, record: Record, client: ApiClient) -> int:
        """Write the status, making the object first where there is none; called by the runner."""
        try:
            written = await self._write(record, client)
        except ApiError as error:
            if is_given_up(error):
                record.refused_at = self._runner.now()
            raise
        record.refused_at = None
        return written

    async def _write(self, record: Record, client: ApiClient) -> int:
        if record.stands:
            await self._recall(record, client)
            if record.uid is not None and not (record.killed or record.flush):
                return 0  # it is judged anew with what the object told, and then says what it has to say
        if record.uid is None and not self._is_worth_an_object(record):
            return 0
        writes = await self._make(record, client) if record.uid is None else 0
        if record.uid is None:
            return writes
        status = record.status(self._wall_clock())
        is_due = self._runner.now() >= record.digest_due or not record.has_pods
        if same_recommendation(status, record.written) and not (record.flush or record.material or (record.moved and is_due)):
            record.killed = record.edited = False
            record.let_go(frozenset(record.leaving))
            return writes
        status, pending = record.with_digests(status), record.begin_write()
        made = None
        try:
            made = await self._send(record, status, client, killed=pending.killed)
        finally:
            if made is None:
                record.failed(pending)
        if made is None:
            return writes
        record.wrote(status, pending, self._runner.now())
        if pending.killed:
            record.kills_due = max(record.kills_due, self._runner.now()) + self._settings.workload_kill_interval_seconds
        record.digest_due = self._runner.now() + self._digest_interval(record)
        return writes + made + 1

    async def _send(self, record: Record, status: MemoryRecommendationStatus, client: ApiClient, *, killed: bool) -> int | None:
        """Write the status; how many more writes that took. None: the workload is gone, and its object with it."""
        if await objects.write_status(client, record.namespace, record.name, record.uid or "", status):
            return 0
        record.uid = None
        if not record.has_pods and not killed:
            self._drop(record)
            return None
        # Somebody deleted it: make it anew with all that is known, once; a second failure is the runner's matter.
        writes = await self._make(record, client)
        if record.uid is None:
            return None
        if not await objects.write_status(client, record.namespace, record.name, record.uid, status):
            raise ApiError(409, "Conflict", f"{record.namespace}/{record.name} went while it was written")
        return writes

    def _begin(self, pod: Pod, target: Owner, assessment: Assessment) -> Record | None:
        """The record of a workload that was not heard of for long, if it is worth one."""
        key = workload_key(pod.namespace, target)
        stands = self._resting.recall(key)
        wanted = assessment.policy.rules.recommendation.mode is not RecommendationMode.OFF
        if not (stands or has_news(assessment)):
            states = {each.name: each.learned for each in assessment.containers if each.learned is not None}
            if not wanted or not (lasts(target) or is_worth_an_object(target, states, 0.0)):
                return None
        record = Record(pod.namespace, target, object_name(target), self._runner.now(), stands=stands)
        self._records[key] = record
        return record

    def _is_wanted(self, record: Record, is_new: bool) -> bool:
        """Whether there is something to write."""
        if record.uid is None and not record.news:
            return self._is_worth_an_object(record)
        return is_new or record.material or (record.moved and self._runner.now() >= record.digest_due)

    def _is_worth_an_object(self, record: Record) -> bool:
        known_seconds = math.inf if record.flush else self._runner.now() - record.since
        rests = record.ended or not record.has_pods
        return record.news or is_worth_an_object(record.target, record.learned, known_seconds, rests=rests)

    def _rest(self, record: Record) -> None:
        """The workload has no judged pod now. One that stays so is forgotten; its object brings all back if need be."""
        self._resting.rest(record.workload, self._runner.now())
        self._end_rests()

    def _end_rests(self) -> None:
        """Before a workload is forgotten, what is not kept yet is written."""
        now = self._runner.now()
        for key in tuple(self._resting.take_due(now)):
            due = self._records.get(key)
            if due is None:
                continue
            if due.uid is not None and not due.is_kept and lasts(due.target):
                self._put(due)
            if self._runner.is_waiting(due.key):
                self._resting.rest(key, now)  # when it is kept, or the API server answers
            else:
                self._drop(due)

    def _drop(self, record: Record) -> None:
        """Forget a workload without pods; that it has an object is remembered."""
        key = record.workload
        self._records.pop(key, None)
        self._resting.wake(key)
        for pod_uid in record.restored_pods:
            self._by_pod.pop(pod_uid, None)
        if record.uid is not None or record.stands:
            self._resting.know(key)

    async def _recall(self, record: Record, client: ApiClient) -> None:
        """Read the object of a workload that comes back."""
        document = await objects.read(client, record.namespace, record.name)
        record.stands = False
        owner = objects.owner_of(document) if document is not None else None
        if document is None or (owner is not None and owner.uid != record.target.uid):
            return
        record.last_write = self._runner.now()
        self._take_over(record, document)

    async def _make(self, record: Record, client: ApiClient) -> int:
        """Make the object, or go on from the one that is there. The number of writes."""
        try:
            document, writes = await objects.make(client, record.namespace, record.name, record.target)
        except objects.OtherOwnerError:
            if record.has_pods or record.last_write is None:
                raise  # the back-off ends when the predecessor's object is collected
            self._drop(record)  # we are the predecessor
            return 0
        except ApiError as error:
            if error.status == 404 and not self._warned:
                self._warned = True
                logger.warning("recommendations cannot be kept, is their CRD installed? %s", error.message)
            raise
        self._take_over(record, document)
        return writes

    def _take_over(self, record: Record, document: Mapping[str, Any]) -> None:
        parsed = parse_recommendation(document)
        if isinstance(parsed, ParsedRecommendation):
            self._adopt(record, parsed)
            if record.kept:
                self.recalled(record.workload, record.learned, tuple(record.contributions))
        else:
            logger.warning("recommendation %s/%s is not what was written: %s", record.namespace, record.name, parsed.message)
            record.uid = parsed.identity.uid if parsed.identity is not None else None

    def _adopt(self, record: Record, parsed: ParsedRecommendation) -> None:
        containers = parsed.status.containers
        problems = problems_of(containers)
        if problems:
            # Said once of each object: what is written next makes sense.
            where = {"object": f"{record.namespace}/{record.name}"}
            logger.warning("left out of what an earlier run learned: %s", "; ".join(problems[:5]), extra=where)
        record.adopt(parsed, learned_of(containers, self._wall_clock()), {each.name: memory_of(each) for each in containers})

    def _put(self, record: Record) -> None:
        settings = self._settings
        interval = settings.recommendation_interval_seconds
        sooner = min(interval, settings.policy_interval_seconds) if record.edited else interval
        self._runner.put(
            record.key,
            _Write(self, record),
            priority=_priority(record),
            not_before=max(
                not_before(record.last_write, sooner, urgent=record.killed or record.stands),
                record.kills_due - (settings.workload_kill_burst - 1) * settings.workload_kill_interval_seconds,
                not_before(record.refused_at, interval, urgent=False),  # not even a kill: it would be refused at each judgement
            ),
        )

    def _digest_interval(self, record: Record) -> float:
        return digest_interval_seconds(record.target.uid, record.learned, self._settings)


def _priority(record: Record) -> int:
    """Kills first; then the worst, and what somebody edited and looks at, before what is calm."""
    if record.killed:
        return priority_of(RiskLevel.HIGH, killed=True)
    severity = record.worst.severity
    return _BEHIND_PODS + (max(severity, RiskLevel.MEDIUM.severity) if record.edited else severity)


@dataclass(frozen=True, slots=True)
class _Write:
    writer: RecommendationWriter
    record: Record
    kind: str = MEMORY_RECOMMENDATION.plural

    @property
    def target(self) -> str:
        return f"{self.record.namespace}/{self.record.name}"

    async def perform(self, client: ApiClient) -> int:
        return await self.writer.write(self.record, client)
