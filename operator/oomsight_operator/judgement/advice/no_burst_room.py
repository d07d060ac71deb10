"""NoBurstRoom: limit and request are equal, and bursts end at the limit.

Evidence: a peak of unreclaimable memory at the policy's `risk.nearLimit.highPercent` of the limit or above, or a kill whose cause
was a burst, while the mean of about the last hour is far below the peak. Equal limit and request alone (QoS class Guaranteed, by
choice) are no mistake, and growth is no burst: nothing is said where a leak is suspected or was a kill's cause. Threshold: the
mean, and what is held now, are at most 60 % of the peak (a choice): a burst has come back, a step up or a late warm-up has not.
Once it was advised, 75 % for the mean.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Advice, Cause, RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.advice.context import AdviceContext, AdviceRule
from oomsight_operator.judgement.risk.rule import DEFAULTS
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.rounding import is_same_limit
from oomsight_operator.judgement.usual import MEAN_SECONDS
from oomsight_operator.judgement.words import format_percent, format_span

USUAL_PERCENT: Final = 60
HELD_PERCENT: Final = 75


def no_burst_room(context: AdviceContext) -> str | None:
    """Equal limit and request, a peak at the limit, and a mean well below it."""
    subject, mean = context.subject, context.usual.unreclaimable_bytes
    limit, peak = subject.limit_bytes, _peak(subject)
    if limit is None or limit <= 0 or not has_equal_request(subject) or peak is None or _grows(subject):
        return None
    if mean is None or not mean.at_least(MEAN_SECONDS) or peak * 100 < limit * subject.policy.near_limit.high_percent:
        return None
    given = Advice.NO_BURST_ROOM in context.given
    usual, most = max(0, int(mean.value)), HELD_PERCENT if given else USUAL_PERCENT
    still_up = not given and mean.latest * 100 > peak * most
    if usual * 100 > peak * most or still_up:
        return None
    watched = f" in the {format_span(subject.watched_seconds)} watched" if subject.watched_seconds is not None else ""
    return (
        f"{subject.label}: limit and request are both {human_bytes(limit)}; it usually holds {human_bytes(usual)} unreclaimable"
        f" (mean of about an hour), but up to {human_bytes(peak)} ({format_percent(peak, limit)} of the limit){watched}. Give the"
        " limit room above the peak; the request may stay at what is usual, or rise with it to stay Guaranteed"
    )


def has_equal_request(subject: Subject) -> bool:
    """Whether the container asks for as much as it may have."""
    request, limit = subject.spec.memory_request_bytes, subject.limit_bytes
    return request is not None and limit is not None and is_same_limit(request, limit)


def _peak(subject: Subject) -> int | None:
    """What it needed at most: all of the limit, where a burst was killed at it."""
    limit = subject.limit_bytes
    for kill in subject.kills:
        burst = kill.cause is not None and kill.cause.cause is Cause.BURST
        if burst and limit is not None and kill.limit_bytes is not None and is_same_limit(kill.limit_bytes, limit):
            return max(limit, subject.peak_unreclaimable_bytes or 0)
    return subject.peak_unreclaimable_bytes


def _grows(subject: Subject) -> bool:
    leaked = any(kill.cause is not None and kill.cause.cause is Cause.LEAK for kill in subject.kills)
    return leaked or subject.before(RiskReason.LEAK_SUSPECTED) is not RiskLevel.NONE


RULE: Final = AdviceRule(
    Advice.NO_BURST_ROOM,
    no_burst_room,
    when=(
        f"limit and request are equal, the highest unreclaimable memory seen reached {DEFAULTS.near_limit.high_percent} % of the"
        " limit (`risk.nearLimit.highPercent`), or a burst was killed at it, and both the mean of about the last"
        f" hour and what is held now are at most {USUAL_PERCENT} % of that peak (once it was advised, the mean at most"
        f" {HELD_PERCENT} %). Not where memory grows (a leak)."
    ),
    meaning=(
        "A limit equal to the request reserves on the node what only bursts need, and still kills the bursts. Guaranteed pods are"
        " killed last when the node runs out, which does nothing against their own limit."
    ),
    todo=(
        "Give the limit room above the peak. Where the QoS class Guaranteed is wanted, raise both; else leave the request at what"
        " is usual and let the pod be Burstable. Or bound the burst: batch size, concurrency."
    ),
)
