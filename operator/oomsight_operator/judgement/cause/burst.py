"""Burst: far below the limit one moment, at the limit the next.

Condition: it is known whose limit fired, and at the last sample, at most `BURST_SECONDS` before the kill, the unreclaimable
memory was below the share of the limit that counts as near, even with what the slope adds until the kill.
Thresholds: near is 70 % of the limit, the default from which the risk NearLimit speaks: below it nobody was warned. 60 s (a
choice: metrics-server resolves no less than 15 s, so a graph shows at most a few points of it).
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Cause
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.account import span
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import KNOWN_LIMIT_NEAR_PERCENT, is_near, limit_at_kill, need_at_kill, need_before
from oomsight_operator.judgement.cause.repeats import repeats
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.words import format_percent

BURST_SECONDS = 60.0


def burst(kill: Kill, context: KillContext) -> str | None:
    """A jump from far below."""
    limit, need = limit_at_kill(kill, context), need_before(kill, BURST_SECONDS)
    if limit is None or need is None or kill.scope is None:
        return None
    grown = need_at_kill(kill, limit)
    if grown is None or is_near(grown, kill, limit):
        return None
    share = format_percent(need[0], limit)
    from_low = f"what cannot be reclaimed was {human_bytes(need[0])} ({share} of the limit)"
    return f"{from_low} {span(need[1])} before and jumped{repeats(kill, context)}"


RULE: Final = CauseRule(
    Cause.BURST,
    burst,
    when=(
        f"whose limit it was is known, and what cannot be reclaimed was below {KNOWN_LIMIT_NEAR_PERCENT} % of it at most"
        f" {BURST_SECONDS:.0f} s before."
    ),
    meaning=(
        "The container needed little, and within seconds more than its limit: one big request, query, file or batch. No"
        " graph with a point every 15 seconds or more shows it."
    ),
    todo=(
        "Look in the container's log for what it was doing at that second. Bound it: stream instead of reading whole,"
        " limit sizes of requests and concurrency, split batches. If the burst is wanted, the limit must hold it; the"
        " request need not."
    ),
)
