"""LimitTooLow: what the container steadily needs comes near its limit.

Condition: at the last sample, at most ten minutes before the kill, the unreclaimable memory was near the limit: 70 % where it
is known that this limit fired (the default from which the risk NearLimit speaks), 90 % where it is not known whose memory ran
out (a choice). Growth was ruled out before, by the rule Leak, or is not known, and the clause says which.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Cause
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.account import span
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import (
    KNOWN_LIMIT_NEAR_PERCENT,
    NEED_AGE_SECONDS,
    UNKNOWN_LIMIT_NEAR_PERCENT,
    is_near,
    limit_at_kill,
    need_at_kill,
    need_before,
    slope,
)
from oomsight_operator.judgement.cause.leak import NOISE_BYTES, WINDOW_SECONDS
from oomsight_operator.judgement.cause.repeats import repeats
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.words import format_percent


def limit_too_low(kill: Kill, context: KillContext) -> str | None:
    """Near the limit before the kill, and not by a leak."""
    limit, need = limit_at_kill(kill, context), need_before(kill)
    grown = need_at_kill(kill, limit) if limit is not None else None
    if limit is None or need is None or grown is None or not is_near(grown, kill, limit):
        return None
    near = f"what cannot be reclaimed was {human_bytes(need[0])} ({format_percent(need[0], limit)} of the limit)"
    return f"{near} {span(need[1])} before{_growth(slope(kill))}{repeats(kill, context)}"


def _growth(rate: float | None) -> str:
    if rate is None:
        return ", watched too shortly to see growth"
    return " and not growing" if rate * WINDOW_SECONDS < NOISE_BYTES else ", growing little over its run"


RULE: Final = CauseRule(
    Cause.LIMIT_TOO_LOW,
    limit_too_low,
    when=(
        f"what cannot be reclaimed was at least {KNOWN_LIMIT_NEAR_PERCENT} % of the limit at most {NEED_AGE_SECONDS / 60:.0f} min"
        f" before ({UNKNOWN_LIMIT_NEAR_PERCENT} % where it is not known whose memory ran out), and it is no leak."
    ),
    meaning=(
        "The container steadily needs nearly all of its limit, so any ordinary moment goes beyond it. Page cache is not"
        " counted in that need."
    ),
    todo=(
        "Raise the limit (oomsight recommends one, with every number behind it), or let the program need less: heap"
        " options, fewer workers, smaller caches. If it is killed again after a like time with a higher limit, it is a"
        " leak."
    ),
)
