"""Where a limit's chain starts from: what asks for most, and the room above it.

That is the limit that killed, the highest peak, or the level with room for a jump.
"""

from __future__ import annotations

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import RecommendationStep
from oomsight_operator.judgement.recommend.bounds import DAY_SECONDS, bump_of
from oomsight_operator.judgement.recommend.case import Case
from oomsight_operator.judgement.recommend.need import DEFAULT
from oomsight_operator.judgement.recommend.state import OomFloor
from oomsight_operator.judgement.recommend.words import (
    days_words,
    level_words,
    peak_room_words,
    percent_words,
    room_words,
)
from oomsight_operator.judgement.words import format_span


def beginning(case: Case) -> tuple[RecommendationStep, ...]:
    """Two steps: where it starts from, and the room above it. Empty where nothing is known that asks for a limit."""
    need, asked, floor = case.bounds.need, case.bounds.floor_bytes, case.floor
    if floor is not None and asked is not None and (need is None or asked >= need.target_bytes):
        killing = floor.killing_limit_bytes
        witness = ", says Prometheus" if floor.imported else ""
        why = f"killed at limit {human_bytes(killing)}{witness}: it needed more than that"
        return (
            RecommendationStep("StartFromKillingLimit", None, killing, why),
            RecommendationStep("BumpAfterKill", killing, asked, _bump_words(floor, case)),
        )
    if need is None or case.kind is None or need.target_bytes <= 0:
        return ()  # to Kubernetes a limit of 0 is none
    above_peak = int(need.peak_bytes * (1 + need.peak_room))
    if above_peak >= need.target_bytes:
        why = f"highest {case.kind.words} {days_words(case.kind.track)}: {human_bytes(need.peak_bytes)}"
        return (
            RecommendationStep("StartFromPeak", None, need.peak_bytes, why),
            RecommendationStep(
                "PeakRoom", need.peak_bytes, above_peak, f"+{percent_words(need.peak_room)}: {peak_room_words(need)}"
            ),
        )
    why = f"{level_words(case.kind.words, case.kind.track, need.level_bytes)}: {human_bytes(need.level_bytes)}"
    return (
        RecommendationStep("StartFromLevel", None, need.level_bytes, why),
        RecommendationStep("JumpRoom", need.level_bytes, need.target_bytes, room_words(need)),
    )


def _bump_words(floor: OomFloor, case: Case) -> str:
    """Of a leak the bump is that of one kill, but all of them are told."""
    age = max(0.0, case.context.now_seconds - floor.last_seconds)
    percent = round(bump_of(floor) * 100)
    times = "once" if case.repeats == 1 else f"{case.repeats} times, each within a day of the one before"
    faded = ""
    if age >= DAY_SECONDS:
        faded = f", half of it every {DEFAULT.bump_half_life_days:.0f} days without a kill (the last was {format_span(age)} ago)"
    return f"+{percent} %, at least {human_bytes(int(DEFAULT.bump_least_bytes))}: killed {times}{faded}"
