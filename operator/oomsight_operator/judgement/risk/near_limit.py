"""NearLimit: what the kernel cannot free comes near the limit.

Condition: unreclaimable memory (anon + shmem + unreclaimable kernel memory, less what swap could take) against the limit in
force. Page cache is never in it: the kernel drops cache before it kills. Where the pod has a limit of its own (pod-level
resources), the pod's sum against that one counts too, whichever is worse.
Thresholds: the policy's `risk.nearLimit`, with its `hysteresisPercent`.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.policy import RiskSpec
from oomsight_api.quantity import human_bytes
from oomsight_api.report import Memory
from oomsight_operator.judgement.hysteresis import level_by_thresholds
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.rule import DEFAULTS, RiskRule
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import format_percent


def near_limit(subject: Subject) -> Finding | None:
    """At and above a threshold, of the container's own limit or of the pod-level one, whichever is worse."""
    if not subject.running:
        return None
    found = [_judge(subject, subject.label, subject.memory, subject.limit_bytes)]
    if subject.pod_row is not None:
        found.append(_judge(subject, f"pod of {subject.label}", subject.pod_row.memory, subject.pod_limit_bytes))
    return max((finding for finding in found if finding is not None), key=lambda finding: finding.level.severity, default=None)


def _judge(subject: Subject, whose: str, memory: Memory, limit: int | None) -> Finding | None:
    unreclaimable = memory.unreclaimable_bytes
    if limit is None or limit <= 0 or unreclaimable is None:
        return None
    level = grade(unreclaimable, limit, subject.policy, subject.before(RiskReason.NEAR_LIMIT))
    if level is RiskLevel.NONE:
        return None
    top = f" (kubectl top shows {human_bytes(memory.working_set_bytes)})" if memory.working_set_bytes is not None else ""
    sentence = (
        f"{whose}: unreclaimable {human_bytes(unreclaimable)} is {format_percent(unreclaimable, limit)}"
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


_LEVELS: Final = DEFAULTS.near_limit

RULE: Final = RiskRule(
    RiskReason.NEAR_LIMIT,
    near_limit,
    when=(
        "what the kernel cannot free (anonymous and shared memory, unreclaimable kernel memory, less what swap could take) comes"
        " near the limit in force, or that of all containers near the pod's own limit. Page cache is not in it. Thresholds: the"
        " policy's `risk.nearLimit`."
    ),
    levels=(
        (RiskLevel.LOW, f"from {_LEVELS.low_percent} % of the limit on (`lowPercent`)"),
        (RiskLevel.MEDIUM, f"from {_LEVELS.medium_percent} % on (`mediumPercent`)"),
        (RiskLevel.HIGH, f"from {_LEVELS.high_percent} % on (`highPercent`)"),
        (RiskLevel.CRITICAL, f"from {_LEVELS.critical_percent} % on (`criticalPercent`)"),
    ),
    meaning=(
        "At the limit there is no slower pace, only a kill. What `kubectl top` shows differs, since it counts some page cache and"
        " leaves out what is swapped."
    ),
    todo=(
        "See whether it still grows (LeakSuspected) or stays: raise the limit to what oomsight recommends, or let the program"
        " need less (heap options, fewer workers, smaller caches). A program that is told to use so much of its limit, such as a"
        " JVM with a fixed heap, needs a policy with higher thresholds rather than a higher limit."
    ),
)
