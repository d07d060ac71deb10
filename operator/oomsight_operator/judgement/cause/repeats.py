"""How often the same limit has killed: told by several rules in the same words."""

from __future__ import annotations

from oomsight_operator.judgement.cause.account import span
from oomsight_operator.judgement.cause.context import KillContext
from oomsight_operator.judgement.cause.evidence import earlier_at_this_limit
from oomsight_operator.judgement.kills.model import Kill


def repeats(kill: Kill, context: KillContext) -> str:
    """`; 2 earlier kills known at this limit in 24 h`, or nothing where it is the first that is known."""
    count = len(earlier_at_this_limit(kill, context))
    if not count:
        return ""
    within = f" in {span(context.window_seconds)}" if context.window_seconds is not None else ""
    return f"; {count} earlier kill{'s' if count > 1 else ''} known at this limit{within}"
