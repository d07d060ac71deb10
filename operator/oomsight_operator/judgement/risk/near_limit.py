"""NearLimit: what the kernel cannot free comes near the limit.

Condition: unreclaimable memory (anon + shmem + unreclaimable kernel memory, less what swap could take) against the limit in
force. Page cache is never in it: the kernel drops cache before it kills. Under a pod-level limit a container without its own is
judged by the pod's sum. Thresholds: the policy's `risk.nearLimit`, with its `hysteresisPercent`.
"""

from __future__ import annotations

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.policy import RiskSpec
from oomsight_api.quantity import human_bytes
from oomsight_api.report import Memory
from oomsight_operator.judgement.hysteresis import level_by_thresholds
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import format_percent


def near_limit(subject: Subject) -> Finding | None:
    """At and above a threshold."""
    scope, memory, limit = _scope(subject)
    unreclaimable = memory.unreclaimable_bytes
    if not subject.running or limit is None or limit <= 0 or unreclaimable is None:
        return None
    level = grade(unreclaimable, limit, subject.policy, subject.before(RiskReason.NEAR_LIMIT))
    if level is RiskLevel.NONE:
        return None
    top = f" (kubectl top shows {human_bytes(memory.working_set_bytes)})" if memory.working_set_bytes is not None else ""
    sentence = (
        f"{scope}: unreclaimable {human_bytes(unreclaimable)} is {format_percent(unreclaimable, limit)}"
        f" of its limit {human_bytes(limit)}{top}"
    )
    return Finding(RiskReason.NEAR_LIMIT, level, sentence)


def grade(part_bytes: int, limit_bytes: int, policy: RiskSpec, previous: RiskLevel) -> RiskLevel:
    """The level by the policy's thresholds; hysteresis holds what was reached before."""
    thresholds = policy.near_limit
    return level_by_thresholds(
        part_bytes,
        limit_bytes,
        (
            (RiskLevel.LOW, thresholds.low_percent),
            (RiskLevel.MEDIUM, thresholds.medium_percent),
            (RiskLevel.HIGH, thresholds.high_percent),
            (RiskLevel.CRITICAL, thresholds.critical_percent),
        ),
        previous,
        policy.hysteresis_percent,
    )


def _scope(subject: Subject) -> tuple[str, Memory, int | None]:
    """Whose memory against which limit: the container's own limit first, else the pod's."""
    if subject.limit_bytes is not None or subject.pod_limit_bytes is None or subject.pod_row is None:
        return subject.label, subject.memory, subject.limit_bytes
    return f"pod of {subject.label}", subject.pod_row.memory, subject.pod_limit_bytes
