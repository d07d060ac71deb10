"""CacheThrashing: the limit pushes out page cache that the container waits for at once.

Condition: refaults of file pages (dropped, and needed again while they still counted as recent: mm/workingset.c) above the policy's
`risk.cacheThrashing`; usage stands at a limit, so that it is this limit that pushes them out; and the container waits for them. The
last keeps a promise: a program that streams through files larger than its limit refaults all day and is in no danger (the advice
CacheNotSized speaks of that). Waiting is seen in the pressure of the container (PSI `some avg60` from
`risk.memoryPressure.mediumPercent` on: the kernel counts a refault as a stall where the page had been in use). Cgroup v1 has none:
there major faults must do, each a disk read that a task waited for (mapped files, the program's own code), and the level is at most
low.

Measured with a file of twice the limit. Kernel 6.18: read from end to end it gave 21,000 refaults a second, no major fault, and
stalls in 0.1 % of the time; read here and there through mmap 110,000, 69 major faults, and stalls in 20 %. Kernel 6.1 with cgroup
v2, under emulation, which makes reclaim slow: 10,700, none, 4 %; and 10,000, 394, 16 %.
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

MAJOR_FAULTS_PER_SECOND: Final = 50
"""What a slow disk can just serve, so that a task waits most of the time (a choice; one fault reads many pages ahead)."""


def cache_thrashing(subject: Subject) -> Finding | None:
    """Refaults at a limit, and tasks that wait for them."""
    row, bound = subject.row, bound_reached(subject)
    refaults = finite(row.refaults_per_second) if row is not None else None
    if not subject.running or row is None or refaults is None or bound is None:
        return None
    thresholds = subject.policy.cache_thrashing
    steps = [(RiskLevel.LOW, thresholds.low_pages_per_second), (RiskLevel.MEDIUM, thresholds.medium_pages_per_second)]
    stalled = finite(row.pressure.some_avg60, 100.0) if row.pressure is not None else None
    if stalled is not None:
        waits = _stalls(subject, stalled)
    else:
        waits, steps = _faults(subject, finite(row.major_faults_per_second)), steps[:1]
    level = level_by_rate(refaults, steps, subject.before(RiskReason.CACHE_THRASHING), subject.policy.hysteresis_percent)
    if level is RiskLevel.NONE or not waits:
        return None
    dropped = f"{int(refaults)} dropped pages of page cache a second are needed again, usage stands at {bound}"
    return Finding(RiskReason.CACHE_THRASHING, level, f"{subject.label}: {dropped}; {waits}")


def _stalls(subject: Subject, percent: float) -> str:
    """How the waiting shows in the container's pressure; empty where it does not."""
    least = ((RiskLevel.LOW, subject.policy.memory_pressure.medium_percent),)
    before, points = subject.before(RiskReason.CACHE_THRASHING), subject.policy.hysteresis_percent
    if level_by_thresholds(percent, 100, least, before, points) is RiskLevel.NONE:
        return ""
    return f"tasks waited for memory in {int(percent)} % of the last minute (PSI some)"


def _faults(subject: Subject, faults: float | None) -> str:
    """How it shows in major faults; empty where it does not, or they are unknown."""
    least = ((RiskLevel.LOW, MAJOR_FAULTS_PER_SECOND),)
    before, share = subject.before(RiskReason.CACHE_THRASHING), subject.policy.hysteresis_percent
    if faults is None or level_by_rate(faults, least, before, share) is RiskLevel.NONE:
        return ""
    return f"tasks wait for {int(faults)} disk reads a second (major faults)"


_LEVELS: Final = DEFAULTS.cache_thrashing

RULE: Final = RiskRule(
    RiskReason.CACHE_THRASHING,
    cache_thrashing,
    when=(
        "page cache is dropped and needed again (refaults, the policy's `risk.cacheThrashing`), usage stands at a limit (from"
        f" {AT_LIMIT_PERCENT} % of it on), so that it is this limit that pushes the cache out, and tasks wait for it: PSI `some"
        f" avg60` from {DEFAULTS.memory_pressure.medium_percent} % on (`risk.memoryPressure.mediumPercent`); without pressure of"
        f" its own (cgroup v1), {MAJOR_FAULTS_PER_SECOND} major faults a second or more, and low at most."
    ),
    levels=(
        (RiskLevel.LOW, f"from {_LEVELS.low_pages_per_second} refaults a second on (`lowPagesPerSecond`)"),
        (RiskLevel.MEDIUM, f"from {_LEVELS.medium_pages_per_second} on (`mediumPagesPerSecond`), with pressure of its own"),
    ),
    meaning=(
        "What is left for page cache is smaller than what the program works on, its own code included, so it waits for the disk"
        " instead of working. Nothing is killed for page cache, but such a container barely answers, and what its limit leaves is"
        " small. A program that reads through large files without waiting is not meant."
    ),
    todo=(
        "Give the limit room for the files it works on (`recommendation.pageCache: Working` in the policy recommends how much; the"
        " working set does not show it, since pages that are thrown out are not in it), or let its anonymous memory be smaller. In"
        " a database, match its own cache and the limit."
    ),
)
