"""LeakSuspected: what is left after garbage collection rises, and reaches the limit before long.

Condition: the forecast (`judgement/forecast`) sees the floor of unreclaimable memory rise towards the limit, with confidence medium
or high; growth through restarts of the container counts towards it. Page cache is never in it. Thresholds: the policy's
`risk.timeToLimit`, by the time until the limit; `hysteresisPercent` beyond a threshold holds a level. A suspicion whose confidence
has fallen stays, low, until nothing grows any more.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Confidence, RiskLevel, RiskReason
from oomsight_api.policy import RiskSpec
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.forecast.outlook import Forecast, Shape
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.rule import DEFAULTS, RiskRule
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import format_span


def leak_suspected(subject: Subject) -> Finding | None:
    """Growth of the floor, with evidence, up to the limit within the policy's time."""
    found = subject.forecast
    if not subject.running or found is None or found.shape is not Shape.GROWING or found.seconds_to_limit is None:
        return None
    before = subject.before(RiskReason.LEAK_SUSPECTED)
    level = _grade(found.seconds_to_limit, subject.policy, before)
    if found.confidence is Confidence.LOW:
        level = min(level, before, RiskLevel.LOW, key=lambda one: one.severity)
    if level.severity <= RiskLevel.NONE.severity:
        return None
    return Finding(RiskReason.LEAK_SUSPECTED, level, f"{subject.label}: {_sentence(found, found.seconds_to_limit)}")


def _grade(seconds: float, policy: RiskSpec, before: RiskLevel) -> RiskLevel:
    """By the policy's thresholds; those reached before hold until `hysteresisPercent` beyond."""
    times = policy.time_to_limit
    level = RiskLevel.NONE
    for candidate, within_seconds in (
        (RiskLevel.LOW, times.low_seconds),
        (RiskLevel.MEDIUM, times.medium_seconds),
        (RiskLevel.HIGH, times.high_seconds),
        (RiskLevel.CRITICAL, times.critical_seconds),
    ):
        held = 100 + policy.hysteresis_percent if candidate.severity <= before.severity else 100
        if seconds * 100 <= within_seconds * held:
            level = candidate
    return level


def _sentence(found: Forecast, seconds: float) -> str:
    rate = human_bytes(int(found.growth_bytes_per_second * 3600))
    floor, limit = human_bytes(found.floor_bytes), human_bytes(found.limit_bytes)
    runs = f", as in its last {found.grown_runs} runs" if found.grown_runs > 1 else ""
    what = "its peaks reach the limit" if found.by_peaks else "reaches the limit"
    between = ""
    if found.earliest_seconds is not None and found.latest_seconds is not None:
        between = f" ({format_span(found.earliest_seconds)} to {format_span(found.latest_seconds)})"
    return (
        f"memory that cannot be reclaimed has grown by {rate} an hour for {format_span(found.window_seconds)}{runs} (floor after"
        f" garbage collection {floor} of {limit}): {what} in about {format_span(seconds)}{between}, confidence"
        f" {found.confidence.value}"
    )


_TIMES: Final = DEFAULTS.time_to_limit

RULE: Final = RiskRule(
    RiskReason.LEAK_SUSPECTED,
    leak_suspected,
    when=(
        "the floor of unreclaimable memory, after garbage collection, rises in a line that meets the limit within"
        " `risk.timeToLimit`, and confidence in that is medium or high: it has grown for long enough against the time that is left,"
        " straight enough, and to where it never was before. Growth until the end of the last two runs counts for confidence."
        " A warm-up that slows down, a step, a day's swing, the teeth of a sawtooth and page cache are no leak"
        " ([how it is forecast](forecast.md))."
    ),
    levels=(
        (RiskLevel.LOW, f"within {format_span(_TIMES.low_seconds)}, or suspected before and confidence has fallen"),
        (RiskLevel.MEDIUM, f"within {format_span(_TIMES.medium_seconds)}"),
        (RiskLevel.HIGH, f"within {format_span(_TIMES.high_seconds)}"),
        (RiskLevel.CRITICAL, f"within {format_span(_TIMES.critical_seconds)}"),
    ),
    meaning=(
        "Something is kept that is never given back. When the floor meets the limit, the kernel kills; the time until then is known"
        " as well as the sentence says, and a higher limit buys only time."
    ),
    todo=(
        "Take a heap profile now and one in an hour, and compare what grew. If the kill would come first, restart the container at"
        " a time of your choice: `kubectl rollout restart`. If it is a cache that ends somewhere, give it a bound, or the limit"
        " room for it."
    ),
)
