"""Unknown: what is known does not tell the cause; the clause says what is missing, and what would tell.

Condition: no other rule holds. No threshold.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import Evidence
from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.account import span
from oomsight_operator.judgement.cause.burst import BURST_SECONDS
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import limit_at_kill, need_before
from oomsight_operator.judgement.kills.model import Kill, KillSource


def unknown(kill: Kill, context: KillContext) -> str | None:
    """Always."""
    return f"cause unknown (missing: {_missing(kill, context)}){_would_tell(kill, context)}"


def _missing(kill: Kill, context: KillContext) -> str:
    missing = []
    if kill.scope is None:
        missing.append("whose memory ran out")
    elif limit_at_kill(kill, context) is None:
        missing.append("the limit that fired")
    need = need_before(kill)
    if kill.before is None:
        missing.append("a sample before it")
    elif need is None:
        missing.append("what could not be reclaimed shortly before it")
    elif need[1] > BURST_SECONDS:
        missing.append(f"a sample later than {span(need[1])} before it")
    return ", ".join(missing)


def _would_tell(kill: Kill, context: KillContext) -> str:
    evidence = context.incident.evidence if context.incident is not None else None
    if kill.source is KillSource.KERNEL_LOG or evidence in {Evidence.KERNEL_LOG, Evidence.BOTH}:
        return ""
    if context.agent_silent:
        return "; its node's agent has told nothing of it"
    if context.kernel_log_following:
        return "; the kernel's log told nothing of it (its rate limit, or lines overwritten)"
    if context.kernel_log_following is False:
        return "; the agent is to read the kernel's log and cannot: its own log says why"
    return "; the agent does not read the kernel's log: --kernel-log would tell more"


RULE: Final = CauseRule(
    Cause.UNKNOWN,
    unknown,
    when=("none of the others is shown by the evidence."),
    meaning=(
        "The evidence does not tell the cause, and oomsight does not guess. The sentence says what is missing: mostly a"
        " sample before the kill (the run was too short, or the agent was not there), or whose memory ran out."
    ),
    todo=(
        "Run the agent with --kernel-log (agent.kernelLog.enabled in the chart; it makes the agent privileged): the kernel's"
        " log says whose limit it was, what filled it and which processes were the biggest. Otherwise wait: the next kill"
        " of a run that was watched tells more."
    ),
)
