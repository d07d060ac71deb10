"""The forecast: when does unreclaimable memory reach the limit?

What is forecast is what kills first. The kernel kills when unreclaimable memory meets the limit, at a peak as well as on the
floor. Where the peaks between two collections rise with the floor, the runtime does not know the limit, and the peaks' line
counts. Where the peaks stay where they are, the runtime collects before the limit, and it is the floor that must get there.
Page cache is in neither.

A chain of small steps: the floor as a line that never falls (`envelope.py`), the growth in it (`trend.py`), what speaks against it
(`objections.py`), the time (here), and how far it may be relied on (`reliance.py`). It is taken for bins of each width; of the
widths that see growth the one that may be relied on most counts, and of these the one with the longest window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from oomsight_operator.judgement.forecast.envelope import Rise, Sample, rises
from oomsight_operator.judgement.forecast.history import UNIT_BYTES, FloorHistory, Point, Run
from oomsight_operator.judgement.forecast.objections import (
    LEAST_GROWTH_SHARE,
    OBJECTIONS,
    SHORTEST_WINDOW_SECONDS,
    Growth,
    growth_of,
)
from oomsight_operator.judgement.forecast.outlook import Forecast, Shape
from oomsight_operator.judgement.forecast.reliance import confidence_of, grew_late, rank, through_restarts
from oomsight_operator.judgement.forecast.trend import Trend, since_growth_began, trend_of
from oomsight_operator.judgement.words import format_span

STALE_SECONDS: Final = 900.0
"""Three whole reports that did not come."""
PEAKS_ABOVE_SHARE: Final = 0.05
PEAKS_RISE_SHARE: Final = 0.5
"""Peaks count when they stand above the floor by 5 % of the limit and rise at least half as fast."""
FARTHEST_SECONDS: Final = 90 * 86400.0
FAMILIAR_SECONDS: Final = 86400.0
"""After a day the habits of a container are known."""

PEAK_BINS: Final = 8
"""The highest of each eighth of the window: long enough to hold a whole tooth."""

_SHAPES: Final = tuple(Shape)
_Tell = Callable[[Shape, str], Forecast]


def forecast(history: FloorHistory, limit_bytes: int, now_seconds: float) -> Forecast | None:
    """What the floor says, on the clock of the readings; None without a reading of the current run, or without a limit."""
    points = history.points
    while points and points[-1].seconds > now_seconds:
        points.pop()
    if not points or limit_bytes <= 0:
        return None
    limit, newest = limit_bytes / UNIT_BYTES, points[-1]
    span, age = newest.seconds - points[0].seconds, now_seconds - newest.seconds

    def tell(shape: Shape, why: str) -> Forecast:
        return Forecast(shape, limit_bytes, newest.low * UNIT_BYTES, span, len(points), why)

    if age > STALE_SECONDS:
        return tell(Shape.UNKNOWN, f"nothing was told for {format_span(age)}")
    if newest.low >= limit:
        return replace(tell(Shape.AT_LIMIT, "the floor is at the limit"), seconds_to_limit=0.0)
    if span < SHORTEST_WINDOW_SECONDS:
        return tell(Shape.UNKNOWN, f"watched for {format_span(span)}, {format_span(SHORTEST_WINDOW_SECONDS)} are needed")
    growing, against = _look(points, history.runs, limit, tell)
    if not growing:
        return max(against, key=lambda verdict: _SHAPES.index(verdict.shape), default=tell(Shape.STEADY, "it does not rise"))
    best = max(growing, key=lambda verdict: (rank(verdict.confidence), verdict.window_seconds))
    return through_restarts(_aged(best, age), history.runs, limit)


def _look(points: Sequence[Point], runs: Sequence[Run], limit: float, tell: _Tell) -> tuple[list[Forecast], list[Forecast]]:
    """What each width of bins says: growth towards the limit, and what speaks against it."""
    growing: list[Forecast] = []
    against: list[Forecast] = []
    if max(point.low for point in points[-2:]) - min(point.low for point in points) < LEAST_GROWTH_SHARE * limit:
        return growing, against  # most containers, most of the time
    levelled = max((run.last for run in runs if not grew_late(run, limit)), default=0)
    for rise in rises(points, limit):
        trend = since_growth_began(rise.samples)
        if trend is None:
            continue
        growth = growth_of(trend, points, limit, levelled)
        objection = next((found for found in (objects(growth) for objects in OBJECTIONS) if found is not None), None)
        verdict = _growing(rise, growth, points, tell) if objection is None else tell(*objection)
        (against if verdict.seconds_to_limit is None else growing).append(verdict)
    return growing, against


def _growing(rise: Rise, growth: Growth, points: Sequence[Point], tell: _Tell) -> Forecast:
    """The time, by the floor or by the peaks above it."""
    trend, limit = growth.trend, growth.limit
    seconds, peaks = trend.seconds_until(limit), _rising_peaks(rise, trend, points, limit)
    by_peaks = peaks is not None and peaks.seconds_until(limit) < seconds
    if peaks is not None and by_peaks:
        seconds = peaks.seconds_until(limit)
    if seconds > FARTHEST_SECONDS:
        return tell(Shape.STEADY, "it rises too slowly to matter")
    familiar = not growth.came_back and points[-1].seconds - points[0].seconds >= FAMILIAR_SECONDS
    verdict = tell(Shape.GROWING, "the peaks between collections rise with it" if by_peaks else "")
    slopes = (trend.earlier_slope, trend.slope, trend.later_slope)
    fastest, slowest = max(slopes), max(min(slopes), max(slopes) / 4)
    return replace(
        verdict,
        seconds_to_limit=seconds,
        earliest_seconds=min(seconds * trend.pace / fastest, trend.seconds_until_speeding(limit)),
        latest_seconds=max(seconds, seconds * trend.pace / slowest),
        confidence=confidence_of(trend, seconds, limit, familiar=familiar),
        growth_bytes_per_second=trend.pace * UNIT_BYTES,
        window_seconds=trend.window_seconds,
        points=sum(point.seconds >= trend.samples[0].seconds for point in points),
        floor_bytes=int(trend.floor * UNIT_BYTES),
        by_peaks=by_peaks,
    )


def _rising_peaks(rise: Rise, trend: Trend, points: Sequence[Point], limit: float) -> Trend | None:
    """The line through the highest values since the growth began; None when they do not rise, or hardly stand above the floor."""
    width = max(rise.bin_seconds, int(trend.window_seconds / PEAK_BINS))
    highest: dict[int, Sample] = {}
    for point in points:
        index = (points[-1].seconds - point.seconds) // width
        if point.seconds >= trend.samples[0].seconds and (index not in highest or highest[index].low < point.high):
            highest[index] = Sample(point.seconds, point.high)
    peaks = trend_of([highest[index] for index in sorted(highest, reverse=True)])
    if peaks is None or peaks.pace <= 0 or peaks.slope < PEAKS_RISE_SHARE * trend.slope:
        return None
    return peaks if peaks.floor - trend.floor >= PEAKS_ABOVE_SHARE * limit else None


def _aged(found: Forecast, age_seconds: float) -> Forecast:
    """As of now, not as of the newest reading."""

    def left(seconds: float | None) -> float | None:
        return None if seconds is None else max(0.0, seconds - age_seconds)

    return replace(
        found,
        seconds_to_limit=left(found.seconds_to_limit),
        earliest_seconds=left(found.earliest_seconds),
        latest_seconds=left(found.latest_seconds),
    )
