"""When a workload's MemoryRecommendation is written: at once after a kill, else seldom, and only to say or keep something new.

Gathers what pods say in one record for each workload; `recommendation_sender.py` brings that into the API.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oomsight_api.names import RiskLevel
from oomsight_api.parse import ParsedRecommendation, parse_recommendation
from oomsight_api.policy import RecommendationMode
from oomsight_operator.judgement.model import Assessment, Owner, Pod, PodHistory
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.publishing import recommendation_objects as objects
from oomsight_operator.publishing.budget import not_before, priority_of
from oomsight_operator.publishing.contributions import contribution_of, has_news
from oomsight_operator.publishing.digest import histories_of
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
from oomsight_operator.publishing.recommendation_sender import RecommendationSender, RecommendationWrite, adopt
from oomsight_operator.publishing.resting import Resting
from oomsight_operator.publishing.runner import Runner
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

    histories: Mapping[tuple[str, str], PodHistory] = field(default_factory=dict)
    """By the object's namespace and the pod's uid: what it says of another namespace's pod is not to be believed."""
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
        self._sender = RecommendationSender(
            settings, clock=runner.now, wall_clock=wall_clock, on_recalled=self._recalled, on_gone=self._drop
        )

    def __len__(self) -> int:
        return len(self._records)

    def restore(self, documents: Iterable[Mapping[str, Any]]) -> Restored:
        """Take over what an earlier run wrote, for the judgement to go on from. Malformed objects are logged, left out."""
        histories: dict[tuple[str, str], PodHistory] = {}
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
            adopt(record, parsed, self._wall_clock())
            learned[record.workload] = dict(record.learned)
            # Not every replica was judged yet: a first look at one of them must not hide the worst.
            record.last_write = now
            record.digest_due = now + spread(target.uid) * digest_interval_seconds(target.uid, record.learned, self._settings)
            self._records[record.workload] = record
            restored = histories_of(parsed.status.containers, self._wall_clock())
            histories.update({(record.namespace, uid): history for uid, history in restored.items()})
            record.standing = {uid: known for uid, history in restored.items() if (known := standing_of(history)) is not None}
            record.restored_pods = tuple(restored)
            self._rest(record)
            for pod_uid in restored:
                self._by_pod[pod_uid] = record
        return Restored(histories, learned)

    def without_old_news(self, pod: Pod, assessment: Assessment, workload: Owner | None) -> Assessment:
        """The judgement, before it is offered, without kills that are new to the pod's history alone: not all pods have their place
        in the digest, and who tells first after a restart may be another witness."""
        if not any(container.new_kills for container in assessment.containers):
            return assessment
        record = self._records.get(workload_key(pod.namespace, target_of(pod, workload)))
        return record.without_old_news(assessment) if record is not None else assessment

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
            self._recalled(record)
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
            if record.uid is not None or record.is_worth_an_object(self._runner.now()):
                worst = priority_of(record.level, killed=record.killed)
                self._runner.put(
                    record.key, RecommendationWrite(self._sender, record), priority=worst if record.material or record.killed else 0
                )

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
            return record.is_worth_an_object(self._runner.now())
        return is_new or record.material or (record.moved and self._runner.now() >= record.digest_due)

    def _recalled(self, record: Record) -> None:
        self.recalled(record.workload, record.learned, tuple(record.contributions))

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
            if self._by_pod.get(pod_uid) is record:  # it may be another workload's by now
                del self._by_pod[pod_uid]
        if record.uid is not None or record.stands:
            self._resting.know(key)

    def _put(self, record: Record) -> None:
        settings = self._settings
        interval = settings.recommendation_interval_seconds
        sooner = min(interval, settings.policy_interval_seconds) if record.edited else interval
        self._runner.put(
            record.key,
            RecommendationWrite(self._sender, record),
            priority=_priority(record),
            not_before=max(
                not_before(record.last_write, sooner, urgent=record.killed or record.stands),
                record.kills_due - (settings.workload_kill_burst - 1) * settings.workload_kill_interval_seconds,
                not_before(record.refused_at, interval, urgent=False),  # not even a kill: it would be refused at each judgement
            ),
        )


def _priority(record: Record) -> int:
    """Kills first; then the worst, and what somebody edited and looks at, before what is calm."""
    if record.killed:
        return priority_of(RiskLevel.HIGH, killed=True)
    severity = record.worst.severity
    return _BEHIND_PODS + (max(severity, RiskLevel.MEDIUM.severity) if record.edited else severity)
