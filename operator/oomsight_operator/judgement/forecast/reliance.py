"""How far a forecast may be relied on.

By how far the line is drawn beyond what was seen (its reach: time to the limit by window), how close the samples lie to it, and
how much of the limit the floor has grown by. And by what earlier runs of the container did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from oomsight_api.names import Confidence
from oomsight_operator.judgement.forecast.history import Run
from oomsight_operator.judgement.forecast.outlook import Forecast
from oomsight_operator.judgement.forecast.trend import Trend

HIGH_REACH: Final = 0.5
MEDIUM_REACH: Final = 1.0
"""At half way, as seen from where the growth began, the reach is 1."""
UNFAMILIAR_FACTOR: Final = 2.0
UNFAMILIAR_WINDOW_SECONDS: Final = 900.0
"""Of a run that was not watched for a whole day, or that has come back before, twice as much is asked, and a quarter of an hour of
growth: it may be a start."""
MORNING_FACTOR: Final = 3.0
MORNING_SECONDS: Final = 7200.0
"""Of its growth over hours three times as much: it may be the morning of a day."""
HIGH_SPREAD: Final = 0.06
MEDIUM_SPREAD: Final = 0.12
"""Median distance from the line, as a share of the growth."""
HIGH_GROWTH_SHARE: Final = 0.12
MEDIUM_GROWTH_SHARE: Final = 0.06
"""Of the limit."""
GROWN_RUNS: Final = 2
GROWN_LATE_SHARE: Final = 0.25
"""A run grew until its end when this share of its growth came in its second half; a warm-up's does not."""

_ORDER: Final = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)


def rank(confidence: Confidence) -> int:
    """Low sorts first."""
    return _ORDER.index(confidence)


def confidence_of(trend: Trend, seconds_to_limit: float, limit: float, *, familiar: bool) -> Confidence:
    """Of the line through one stretch. `limit` in the samples' unit."""
    reach, grown = seconds_to_limit / trend.window_seconds, trend.growth / limit
    if not familiar:
        if trend.window_seconds < UNFAMILIAR_WINDOW_SECONDS:
            return Confidence.LOW
        reach *= MORNING_FACTOR if trend.window_seconds > MORNING_SECONDS else UNFAMILIAR_FACTOR
    if reach <= HIGH_REACH and trend.spread <= HIGH_SPREAD and grown >= HIGH_GROWTH_SHARE:
        return Confidence.HIGH
    if reach <= MEDIUM_REACH and trend.spread <= MEDIUM_SPREAD and grown >= MEDIUM_GROWTH_SHARE:
        return Confidence.MEDIUM
    return Confidence.LOW


def grew_late(run: Run, limit: float) -> bool:
    """Whether an earlier run's floor rose until its end."""
    growth = run.last - run.first
    return growth >= HIGH_GROWTH_SHARE * limit and run.last - run.middle >= GROWN_LATE_SHARE * growth


def through_restarts(found: Forecast, runs: Sequence[Run], limit: float) -> Forecast:
    """Growth in the last runs before this one is evidence of its own: one step more of confidence."""
    grown = 0
    for run in reversed(runs):
        if not grew_late(run, limit):
            break
        grown += 1
    if grown < GROWN_RUNS:
        return replace(found, grown_runs=grown)
    return replace(found, confidence=_ORDER[min(len(_ORDER) - 1, rank(found.confidence) + 1)], grown_runs=grown)
