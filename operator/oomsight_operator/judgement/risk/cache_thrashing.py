"""CacheThrashing: the limit pushes out page cache that the container waits for at once.

Condition: refaults of file pages (dropped, and needed again while they still counted as recent: mm/workingset.c) above the policy's
`risk.cacheThrashing`; usage stands at a limit, so that it is this limit that pushes them out; and the container waits for them.
The last keeps a promise: a program that streams through files larger than its limit refaults all day and is in no danger (the
advice CacheNotSized speaks of that). Waiting is seen in the pressure of the container (PSI `some avg60` from
`risk.memoryPressure.lowPercent` on: the kernel counts a refault as a stall where the page had been in use); on cgroup v1, which has
none, in major faults above the same thresholds: mapped pages, most of all the program's own code.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_operator.judgement.finite import finite
from oomsight_operator.judgement.hysteresis import level_by_rate, level_by_thresholds
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.at_limit import AT_LIMIT_PERCENT, bound_reached
from oomsight_operator.judgement.risk.rule import DEFAULTS, RiskRule
from oomsight_operator.judgement.risk.subject import Subject


def cache_thrashing(subject: Subject) -> Finding | None:
    """Refaults at a limit, and tasks that wait for them."""
    refaults = finite(subject.row.refaults_per_second) if subject.row is not None else None
    if not subject.running or refaults is None:
        return None
    level = _level(subject, refaults)
    bound = bound_reached(subject)
    waits = _waits(subject)
    if level is RiskLevel.NONE or bound is None or not waits:
        return None
    dropped = f"{int(refaults)} dropped pages of page cache a second are needed again, usage stands at {bound}"
    return Finding(RiskReason.CACHE_THRASHING, level, f"{subject.label}: {dropped}; {waits}")


def _level(subject: Subject, pages_per_second: float) -> RiskLevel:
    thresholds = subject.policy.cache_thrashing
    return level_by_rate(
        pages_per_second,
        ((RiskLevel.LOW, thresholds.low_pages_per_second), (RiskLevel.MEDIUM, thresholds.medium_pages_per_second)),
        subject.before(RiskReason.CACHE_THRASHING),
        subject.policy.hysteresis_percent,
    )


def _waits(subject: Subject) -> str:
    """How the waiting shows; empty where it does not, or nothing tells."""
    row = subject.row
    if row is None:
        return ""
    some = finite(row.pressure.some_avg60, 100.0) if row.pressure is not None else None
    if some is not None:
        least = ((RiskLevel.LOW, subject.policy.memory_pressure.low_percent),)
        before, points = subject.before(RiskReason.CACHE_THRASHING), subject.policy.hysteresis_percent
        stalls = level_by_thresholds(some, 100, least, before, points) is not RiskLevel.NONE
        return f"tasks waited for memory in {int(some)} % of the last minute (PSI some)" if stalls else ""
    faults = finite(row.major_faults_per_second)
    if faults is None or _level(subject, faults) is RiskLevel.NONE:
        return ""
    return f"{int(faults)} of its own pages a second are read from disk before it can go on (major faults)"


_LEVELS: Final = DEFAULTS.cache_thrashing

RULE: Final = RiskRule(
    RiskReason.CACHE_THRASHING,
    cache_thrashing,
    when=(
        "page cache is dropped and needed again (refaults, the policy's `risk.cacheThrashing`), usage stands at a limit (from"
        f" {AT_LIMIT_PERCENT} % of it on), so that it is this limit that pushes the cache out, and tasks wait for it: PSI `some"
        f" avg60` from {DEFAULTS.memory_pressure.low_percent} % on (`risk.memoryPressure.lowPercent`); without pressure of its own"
        " (cgroup v1), major faults above the same thresholds."
    ),
    levels=(
        (RiskLevel.LOW, f"from {_LEVELS.low_pages_per_second} refaults a second on (`lowPagesPerSecond`)"),
        (RiskLevel.MEDIUM, f"from {_LEVELS.medium_pages_per_second} on (`mediumPagesPerSecond`)"),
    ),
    meaning=(
        "What is left for page cache is smaller than what the program works on, its own code included, so it waits for the disk"
        " instead of working. Nothing is killed for page cache, but such a container barely answers, and what its limit leaves is"
        " small. A program that reads through large files without waiting is not meant."
    ),
    todo=(
        "Give the limit room for the files it works on (peak working set in the annotations), or let its anonymous memory be"
        " smaller. In a database, match its own cache and the limit."
    ),
)
