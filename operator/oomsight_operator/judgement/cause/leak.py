"""Leak: what cannot be reclaimed grew steadily until it met the limit.

Condition: at the last sample (at most ten minutes before) the unreclaimable memory was near the limit, with what the slope adds
until the kill; and one of

- the floor grew over the agent's window, by more than noise, at a rate that over the whole run makes at least a quarter of the
  limit (the run's length unknown: at least 5 % of the limit within the window);
- the floor did not fall, and the container was killed at the same limit after ever the same time (three spans or more, each
  within 25 % of their median, none shorter than ten minutes).

Thresholds: the window is the agent's (600 s, the lowest values of 20 pieces, so that garbage collection does not hide it). 1
MiB in it is noise (a choice: page tables and allocator arenas move by less). A quarter, 5 %, 25 %: choices. Ten minutes: twice
the longest back-off of a crash loop (kubelet, 5 min), whose rhythm is not the container's.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import Final

from oomsight_api.names import Cause
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.account import span
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import (
    earlier_at_this_limit,
    is_near,
    limit_at_kill,
    need_at_kill,
    run_seconds,
    slope,
)
from oomsight_operator.judgement.cause.repeats import repeats
from oomsight_operator.judgement.kills.model import Kill

WINDOW_SECONDS = 600.0
"""Of the agent's floor slope."""
NOISE_BYTES = 1 << 20
"""Growth within the window that says nothing."""
SHARE_OF_LIMIT_PERCENT = 25
"""Growth over the whole run, at that rate."""
SHARE_IN_WINDOW_PERCENT = 5
SPANS = 3
SPAN_TOLERANCE_PERCENT = 25
SHORTEST_SPAN_SECONDS = 600.0


def leak(kill: Kill, context: KillContext) -> str | None:
    """Steady growth up to the limit."""
    limit, rate = limit_at_kill(kill, context), slope(kill)
    need = need_at_kill(kill, limit) if limit is not None else None
    if limit is None or need is None or not is_near(need, kill, limit):
        return None
    ran = run_seconds(kill, context)
    if rate is not None and _grows(rate, ran, limit):
        per_hour = human_bytes(int(min(rate * 3600, float(1 << 62))))
        grew = f"what cannot be reclaimed grew by {per_hour} an hour {_when(ran)} and met the limit"
        return f"{grew}{repeats(kill, context)}"
    between = _even_spans(kill, context)
    if between is None or (rate is not None and rate < 0):
        return None
    return f"it meets the same limit about every {span(between)}{repeats(kill, context)}"


def _when(ran_seconds: float | None) -> str:
    """Of the run, as much as the agent's slope is of."""
    if ran_seconds is None:
        return f"in its last {span(WINDOW_SECONDS)}"
    run = f"a run of {span(ran_seconds)}"
    return f"in the last {span(WINDOW_SECONDS)} of {run}" if ran_seconds > WINDOW_SECONDS else f"in {run}"


def _grows(rate: float, ran_seconds: float | None, limit_bytes: int) -> bool:
    in_window = rate * WINDOW_SECONDS
    if in_window < NOISE_BYTES:
        return False
    if ran_seconds is None:
        return in_window * 100 >= limit_bytes * SHARE_IN_WINDOW_PERCENT
    return rate * ran_seconds * 100 >= limit_bytes * SHARE_OF_LIMIT_PERCENT


def _even_spans(kill: Kill, context: KillContext) -> float | None:
    """Median of the spans between the kills at this limit, where they are alike."""
    times = [*(other.time_seconds for other in earlier_at_this_limit(kill, context)), kill.time_seconds]
    spans = [after - before for before, after in pairwise(times)]
    if len(spans) < SPANS or min(spans) < SHORTEST_SPAN_SECONDS:
        return None
    middle = median(spans)
    even = all(abs(one - middle) * 100 <= middle * SPAN_TOLERANCE_PERCENT for one in spans)
    return middle if even else None


RULE: Final = CauseRule(
    Cause.LEAK,
    leak,
    when=(
        "what cannot be reclaimed was near the limit (as for LimitTooLow), and its floor grew at a rate that makes"
        f" {SHARE_OF_LIMIT_PERCENT} % of the limit or more over the run; or it did not fall, and the same limit is met after ever"
        f" the same time ({SPANS} spans or more of at least {SHORTEST_SPAN_SECONDS / 60:.0f} min, within {SPAN_TOLERANCE_PERCENT} %"
        " of their median)."
    ),
    meaning=(
        "Memory that nobody can reclaim grew steadily and met the limit, or the limit is met again and again after the"
        " same time. A higher limit only delays the next kill."
    ),
    todo=(
        "Find what grows: take a heap profile early and late in a run and compare; look at caches without a bound,"
        " listeners and goroutines or threads that are never given back. Until then recycle workers before they meet the"
        " limit. If it is a cache that ends somewhere, let it end below the limit."
    ),
)
