"""Unknown: what is known does not tell the cause; the clause says what is missing, and what would tell.

Condition: no other rule holds. No threshold.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.account import span
from oomsight_operator.judgement.cause.burst import BURST_SECONDS
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import limit_at_kill
from oomsight_operator.judgement.model import Kill, KillSource


def unknown(kill: Kill, context: KillContext) -> str | None:
    """Always."""
    missing = _missing(kill, context)
    return f"cause unknown: {missing}{_would_tell(kill, context)}"


def _missing(kill: Kill, context: KillContext) -> str:
    before = kill.before
    if before is None:
        return "no sample was taken before it"
    if before.unreclaimable_bytes is None:
        return "the last sample did not tell what cannot be reclaimed"
    if kill.scope is None:
        return "its need was not near its limit, and whose memory ran out is not told"
    if limit_at_kill(kill, context) is None:
        return "the limit that fired is not known"
    if before.age_seconds > BURST_SECONDS:
        return f"the last sample was {span(before.age_seconds)} before, too old to tell a jump from growth"
    return "the numbers contradict each other"


def _would_tell(kill: Kill, context: KillContext) -> str:
    if kill.source is KillSource.KERNEL_LOG:
        return ""
    if context.kernel_log_following:
        return "; the kernel's log told nothing of it (its rate limit, or lines overwritten)"
    return "; the agent does not read the kernel's log: --kernel-log would tell more"


RULE: Final = CauseRule(
    Cause.UNKNOWN,
    unknown,
    meaning=(
        "The evidence does not tell the cause, and oomsight does not guess. The sentence says what is missing: mostly a"
        " sample before the kill (the run was too short, or the agent was not there), or whose memory ran out."
    ),
    todo=(
        "Run the agent with --kernel-log (it needs a privileged container): the kernel's log says whose limit it was,"
        " what filled it and which processes were the biggest. Otherwise wait: the next kill of a run that was watched"
        " tells more."
    ),
)
