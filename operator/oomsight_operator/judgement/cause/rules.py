"""The table of causes, and the judgement of one kill: the first rule that holds.

To add a cause: one module with one rule, one line here, one test; `docs/causes.md` follows from the table.
"""

from __future__ import annotations

from typing import Final

from oomsight_operator.judgement.cause import (
    burst,
    child_process,
    leak,
    limit_too_low,
    node_pressure,
    page_cache_thrash,
    pod_limit,
    shared_memory,
    startup,
    unknown,
)
from oomsight_operator.judgement.cause.account import account
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.kills.model import Kill, KillCause

MAX_SENTENCE = 480
"""Of a cause, in characters: fits an Event's note (1024) with room for what stands around it."""

RULES: Final[tuple[CauseRule, ...]] = (
    node_pressure.RULE,
    shared_memory.RULE,
    pod_limit.RULE,
    child_process.RULE,
    page_cache_thrash.RULE,
    startup.RULE,
    leak.RULE,
    burst.RULE,
    limit_too_low.RULE,
    unknown.RULE,
)
"""First whose memory it was, then what filled it, then how it came to that; what is not explained is unknown. Shared memory stands
before the pod's limit: whoever's limit it was, nothing but deleting the files helps."""


def judge_cause(kill: Kill, context: KillContext) -> KillCause:
    """Why it was killed, in one sentence of printable ASCII, at most `MAX_SENTENCE` characters. There is always an answer."""
    for rule in RULES:
        clause = rule.judge(kill, context)
        if clause is not None:
            return KillCause(rule.cause, _bounded(f"{account(kill, context)}; {clause}"))
    raise AssertionError("the last rule always holds")


def _bounded(sentence: str) -> str:
    return sentence if len(sentence) <= MAX_SENTENCE else sentence[: MAX_SENTENCE - 3] + "..."
