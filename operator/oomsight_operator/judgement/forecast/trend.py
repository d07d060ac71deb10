"""Whether a rising floor goes on: the line through it, and what speaks against drawing it further.

Lines are Theil-Sen's, the median of all pairwise slopes, which a quarter of outliers cannot bend. A stretch is judged by its two
halves. Much steeper in the second: growth began within, and the stretch is cut to where it did. Flatter in the second: it is
slowing, and slowing on as it did it ends at a ceiling (Aitken's extrapolation: a warm-up's exponential has the same ceiling
wherever it is measured). Flat in both halves and yet higher: a step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from oomsight_operator.judgement.forecast.envelope import FEWEST_BINS, MOST_BINS, Sample

BEGUN_WITHIN: Final = 1.4
"""Second half steeper than the first by this: the growth is younger than the stretch."""
SPEEDS_UP: Final = 1.2
"""Steeper by this: the later slope is the one to go on with."""
STOPPED_SHARE: Final = 0.25
"""Of the second half's growth, by which the newest samples may stay behind its line."""
CUT_SHARE: Final = 0.15
SHORTEST_SECONDS: Final = 300.0
"""A stretch is cut by 15 % at a time, not below five minutes."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The line through a stretch of the floor; amounts in the samples' unit, slopes a second."""

    samples: tuple[Sample, ...]
    slope: float
    earlier_slope: float
    later_slope: float
    floor: float
    """At the end: on the line through the second half, but not above the newest samples."""
    lag: float
    """How far the newest samples stay below that line."""
    spread: float
    """Median distance of the samples from the line, as a share of the growth."""

    @property
    def window_seconds(self) -> float:
        return self.samples[-1].seconds - self.samples[0].seconds

    @property
    def growth(self) -> float:
        """Over the window."""
        return self.slope * self.window_seconds

    @property
    def evenness(self) -> float:
        """Later slope by earlier slope: 1 is a straight line, below it slows, above it speeds up."""
        if self.earlier_slope <= 0:
            return float("inf") if self.later_slope > 0 else 0.0
        return max(0.0, self.later_slope) / self.earlier_slope

    @property
    def has_stopped(self) -> bool:
        """Whether the newest samples stay behind by a good part of what the second half's line has grown."""
        return self.lag > STOPPED_SHARE * max(0.0, self.later_slope) * self.window_seconds / 2

    @property
    def share_of_two_jumps(self) -> float:
        """Of the growth, what two jumps between neighbours make."""
        jumps = sorted(later.low - earlier.low for earlier, later in pairwise(self.samples))
        return sum(jumps[-2:]) / self.growth if self.growth > 0 else float("inf")

    @property
    def pace(self) -> float:
        """The slope to go on with: the later one where it clearly speeds up, else that of the whole."""
        return self.later_slope if self.evenness > SPEEDS_UP else self.slope

    def seconds_until(self, level: float) -> float:
        """Until it is there, at its pace."""
        return max(0.0, level - self.floor) / self.pace

    def seconds_until_speeding(self, level: float) -> float:
        """The same, if it goes on to speed up as it did between its halves."""
        rest = max(0.0, level - self.floor)
        change = self.later_slope - self.earlier_slope
        if change <= 0:
            return self.seconds_until(level)
        acceleration, speed = change / (self.window_seconds / 2), self.later_slope + change / 2
        return (math.sqrt(speed * speed + 2 * acceleration * rest) - speed) / acceleration

    @property
    def ceiling(self) -> float | None:
        """Where it ends if it slows on as it did; None when it does not slow."""
        ratio = self.evenness
        if ratio >= 1:
            return None
        return self.floor + max(0.0, self.later_slope) * self.window_seconds / 2 * ratio / (1 - ratio)


def trend_of(samples: Sequence[Sample]) -> Trend | None:
    """The line through the samples; None when there is no span between them."""
    span = samples[-1].seconds - samples[0].seconds if samples else 0.0
    if span <= 0:
        return None
    middle = samples[0].seconds + span / 2
    slope = _slope(samples)
    split = next(index for index, sample in enumerate(samples) if sample.seconds >= middle)
    earlier, later = _slope(samples[: split + 1]), _slope(samples[split - 1 :])
    if slope is None or earlier is None or later is None:
        return None
    end = samples[-1].seconds
    level = median(sample.low + slope * (end - sample.seconds) for sample in samples)
    off = median(abs(sample.low + slope * (end - sample.seconds) - level) for sample in samples)
    growth = slope * span
    line = median(sample.low + later * (end - sample.seconds) for sample in samples[split - 1 :])
    seen = max(sample.low for sample in samples[-2:])
    return Trend(
        tuple(samples),
        slope,
        earlier,
        later,
        min(line, seen),
        max(0.0, line - seen),
        off / growth if growth > 0 else float("inf"),
    )


def since_growth_began(samples: Sequence[Sample]) -> Trend | None:
    """The trend of the newest part of the stretch that grows evenly, or of the whole when it does."""
    rest = list(samples)
    while True:
        trend = trend_of(_thinned(rest))
        if trend is None or trend.evenness <= BEGUN_WITHIN:
            return trend
        cut = trend.samples[0].seconds + trend.window_seconds * CUT_SHARE
        shorter = [sample for sample in rest if sample.seconds >= cut]
        if len(shorter) < FEWEST_BINS or shorter[-1].seconds - shorter[0].seconds < SHORTEST_SECONDS:
            return trend
        rest = shorter


def _thinned(samples: list[Sample]) -> list[Sample]:
    """At most MOST_BINS, evenly, first and last among them: what a line costs is quadratic."""
    if len(samples) <= MOST_BINS:
        return samples
    step = (len(samples) - 1) / (MOST_BINS - 1)
    return [samples[round(index * step)] for index in range(MOST_BINS)]


def _slope(samples: Sequence[Sample]) -> float | None:
    """Theil-Sen; None with fewer than two distinct times."""
    slopes = [
        (later.low - earlier.low) / (later.seconds - earlier.seconds)
        for index, later in enumerate(samples)
        for earlier in samples[:index]
        if later.seconds > earlier.seconds
    ]
    return median(slopes) if slopes else None
