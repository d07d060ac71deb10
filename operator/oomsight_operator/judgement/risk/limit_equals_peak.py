"""LimitEqualsPeak: less is used now, but it has needed all of its limit before.

Condition: the highest unreclaimable memory that oomsight has seen, at the policy's `risk.limitEqualsPeakPercent` of the limit in
force or above, while what is used now gives less than this rule's level; once told no more than that, or else the two would take
turns. Levels: low; medium where this limit has killed the container before, longer ago than `recentKillSeconds` (until then the
reasons of kills speak). The peak is of the pod's lifetime as far as watched, over restarts of the container, and the sentence says
how long that is.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.near_limit import grade
from oomsight_operator.judgement.risk.rule import DEFAULTS, RiskRule
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.rounding import is_same_limit
from oomsight_operator.judgement.words import format_percent, format_span


def limit_equals_peak(subject: Subject) -> Finding | None:
    """A past peak at the limit, unless a fresh kill or what is used now says more."""
    peak, limit, now = subject.peak_unreclaimable_bytes, subject.limit_bytes, subject.memory.unreclaimable_bytes
    if not subject.running or subject.recent_kills or peak is None or now is None or limit is None or limit <= 0:
        return None
    if peak * 100 < limit * subject.policy.limit_equals_peak_percent:
        return None
    kills = sum(1 for kill in subject.kills if _was_by(kill, limit))
    level = RiskLevel.MEDIUM if kills else RiskLevel.LOW
    near = grade(now, limit, subject.policy, subject.before(RiskReason.NEAR_LIMIT)).severity
    told = subject.before(RiskReason.LIMIT_EQUALS_PEAK) is not RiskLevel.NONE
    if near > level.severity or (near == level.severity and not told):
        return None
    watched = subject.watched_seconds
    window = f" in the {format_span(watched)} watched" if watched is not None and watched >= 1 else ""
    killed = f"; killed {'once' if kills == 1 else f'{kills} times'} at this limit" if kills else ""
    sentence = (
        f"{subject.label}: unreclaimable peak {human_bytes(peak)}{window} was {format_percent(peak, limit)} of its limit"
        f" {human_bytes(limit)}, now {human_bytes(now)}{killed}"
    )
    return Finding(RiskReason.LIMIT_EQUALS_PEAK, level, sentence)


def _was_by(kill: Kill, limit_bytes: int) -> bool:
    """This limit, and not the node or another cgroup, had it killed."""
    blamed = kill.scope not in (OomScope.NODE, OomScope.CGROUP)
    return blamed and kill.limit_bytes is not None and is_same_limit(kill.limit_bytes, limit_bytes)


RULE: Final = RiskRule(
    RiskReason.LIMIT_EQUALS_PEAK,
    limit_equals_peak,
    when=(
        f"the highest unreclaimable memory seen while the pod was watched reached {DEFAULTS.limit_equals_peak_percent} % of the"
        " limit in force (`risk.limitEqualsPeakPercent`), less is used now (NearLimit gives less, or once told no more), and it was"
        " not killed within `risk.recentKillSeconds`."
    ),
    levels=(
        (RiskLevel.LOW, "it was not killed at this limit, as far as is known"),
        (RiskLevel.MEDIUM, "this limit has killed it before"),
    ),
    meaning=(
        "It got by with next to nothing left. The same load, with a little more data or one more request at once, is a kill;"
        " between the peaks everything looks calm."
    ),
    todo=(
        "Raise the limit above the peak (a quarter more is a fair start), or bound what makes the peak: batch sizes, concurrency,"
        " caches. Alerts on current usage will not show it."
    ),
)
