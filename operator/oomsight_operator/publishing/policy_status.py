"""What became of each policy: counts, worst containers and conditions, kept up to date pod by pod. Pure."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from oomsight_api.conditions import merge_conditions
from oomsight_api.names import RiskLevel
from oomsight_api.parse import InvalidSpec
from oomsight_api.status import MAX_WORST, LevelCounts, PolicyStatus, WorstContainer
from oomsight_operator.judgement.model import Assessment, Pod, PolicyRef
from oomsight_operator.judgement.policy_conditions import policy_conditions
from oomsight_operator.publishing.budget import is_at_risk

MAX_REASONS = 16


@dataclass(frozen=True, slots=True)
class _Judged:
    """What of one pod's judgement shows in the status of its policies."""

    winner: PolicyRef
    losers: tuple[PolicyRef, ...]
    level: RiskLevel
    worst: tuple[WorstContainer, ...]
    """The pod's containers at risk."""


@dataclass(slots=True)
class _Counts:
    enforced: int = 0
    lost: int = 0
    by_level: Counter[RiskLevel] = field(default_factory=Counter)
    beaten_by: Counter[PolicyRef] = field(default_factory=Counter)
    at_risk: set[str] = field(default_factory=set)
    """Uids of pods with containers at risk."""


class PolicyTally:
    """Counts per policy. Each change costs the same however many pods there are."""

    def __init__(self) -> None:
        self._judged: dict[str, _Judged] = {}
        self._counts: dict[PolicyRef, _Counts] = {}

    def note(self, pod: Pod, assessment: Assessment, losers: Iterable[PolicyRef] = ()) -> frozenset[PolicyRef]:
        """Take over the judgement of a pod; the policies whose status may have changed by it."""
        judged = _Judged(assessment.policy.ref, tuple(losers), assessment.level, tuple(_at_risk(pod, assessment)))
        before = self._judged.get(pod.uid)
        if before == judged:
            return frozenset()
        changed = self.forget(pod.uid)
        self._judged[pod.uid] = judged
        self._add(pod.uid, judged, 1)
        return changed | _concerned(judged)

    def forget(self, pod_uid: str) -> frozenset[PolicyRef]:
        """The pod is gone or under no policy any more; the policies whose status changed by it."""
        before = self._judged.pop(pod_uid, None)
        if before is None:
            return frozenset()
        self._add(pod_uid, before, -1)
        return _concerned(before)

    def status(
        self,
        ref: PolicyRef,
        *,
        invalid: InvalidSpec | None,
        generation: int,
        complete: bool,
        standing: PolicyStatus,
        now_seconds: float,
    ) -> PolicyStatus:
        """The status to write. `complete`: whether all pods were judged since the start, so that counts mean something."""
        counts = self._counts.get(ref, _Counts())
        matched = counts.enforced + counts.lost if complete else None
        conditions = policy_conditions(
            invalid=invalid,
            matched=matched,
            enforced=counts.enforced,
            beaten_by=counts.beaten_by,
            generation=generation,
            now_seconds=now_seconds,
        )
        merged = merge_conditions(standing.conditions, conditions)
        if invalid is not None or not complete:
            return PolicyStatus(observed_generation=generation, conditions=merged)
        return PolicyStatus(
            observed_generation=generation,
            conditions=merged,
            matched_pods=matched,
            enforced_pods=counts.enforced,
            at_risk_pods=sum(count for level, count in counts.by_level.items() if is_at_risk(level)),
            pods_by_level=LevelCounts(**{level.value: counts.by_level[level] for level in RiskLevel}),
            worst=tuple(self._worst(counts)),
        )

    def _worst(self, counts: _Counts) -> Iterator[WorstContainer]:
        containers = (container for uid in counts.at_risk for container in self._judged[uid].worst)
        # Names break ties, so that equal containers do not change places from one status to the next.
        yield from heapq.nsmallest(
            MAX_WORST, containers, key=lambda each: (-each.level.severity, each.namespace, each.pod, each.container)
        )

    def _add(self, pod_uid: str, judged: _Judged, sign: int) -> None:
        counts = self._counts.setdefault(judged.winner, _Counts())
        counts.enforced += sign
        counts.by_level[judged.level] += sign
        if sign > 0 and judged.worst:
            counts.at_risk.add(pod_uid)
        else:
            counts.at_risk.discard(pod_uid)
        self._drop_if_empty(judged.winner)
        for loser in judged.losers:
            lost = self._counts.setdefault(loser, _Counts())
            lost.lost += sign
            lost.beaten_by[judged.winner] += sign
            if not lost.beaten_by[judged.winner]:
                del lost.beaten_by[judged.winner]
            self._drop_if_empty(loser)

    def _drop_if_empty(self, ref: PolicyRef) -> None:
        counts = self._counts[ref]
        if not counts.enforced and not counts.lost:
            del self._counts[ref]


def parse_status(raw: Mapping[str, Any] | None) -> PolicyStatus:
    """A policy's status as it stands; what makes no sense is as good as none."""
    try:
        return PolicyStatus.model_validate(raw or {})
    except ValidationError:
        return PolicyStatus()


def is_settled(standing: PolicyStatus, wanted: PolicyStatus) -> bool:
    """While pods are still being judged after a start: whether the standing status already says everything that is known now.

    It tells counts from before the start, which are better than none, unless the spec or its acceptance changed.
    """
    return standing.observed_generation == wanted.observed_generation and _accepted(standing) == _accepted(wanted) is not None


def _accepted(status: PolicyStatus) -> str | None:
    return next((condition.status for condition in status.conditions if condition.type == "Accepted"), None)


def _concerned(judged: _Judged) -> frozenset[PolicyRef]:
    return frozenset((judged.winner, *judged.losers))


def _at_risk(pod: Pod, assessment: Assessment) -> Iterator[WorstContainer]:
    for container in assessment.containers:
        if is_at_risk(container.level):
            reasons = tuple(dict.fromkeys(finding.reason for finding in container.findings))[:MAX_REASONS]
            yield WorstContainer(
                namespace=pod.namespace, pod=pod.name, container=container.name, level=container.level, reasons=reasons
            )
