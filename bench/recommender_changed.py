"""Recordings, changed: whether what a policy achieves hangs by the thread of one recording's very numbers.

Each change moves a source as a whole to another time of the day, lets its first hours be missed, makes every container larger or
smaller, and its ups and downs around the median of six hours weaker or stronger, by up to a fifth.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from recommender_traces import DAY_SECONDS, Array, Source

LEVEL_SECONDS = 6 * 3600
LEVEL_POINTS = 8
"""Medians reckoned within that; linear in between."""
MISSED_HOURS = 10
SWINGS = (0.85, 1.0, 1.15)
SWING_OF_ONE = 0.05
"""A container's may differ from its source's by so much."""
SIZES = (0.7, 1.5)


def changed(source: Source, number: int) -> Source:
    """The source's change of that number, always the same one; 0 is the recording itself."""
    if number == 0:
        return source
    chance = np.random.default_rng((number, len(source.series)))
    hours = min(MISSED_HOURS, source.rules.warm_up_seconds // 3600)
    later, missed = int(chance.integers(DAY_SECONDS)), int(chance.integers(hours * 3600))
    size, swing = float(chance.uniform(*SIZES)), SWINGS[number % len(SWINGS)]
    series = []
    for each in source.series:
        factor = swing + float(chance.uniform(-SWING_OF_ONE, SWING_OF_ONE))
        demand = swung(each.demand_bytes, max(3, int(LEVEL_SECONDS / source.step_seconds)), factor) * size
        kept = each.time_seconds >= each.time_seconds[0] + missed
        series.append(replace(each, time_seconds=each.time_seconds[kept] + later, demand_bytes=demand[kept].astype(np.int64)))
    return replace(source, variant=f"{source.variant}, changed", series=tuple(series))


def swung(demand_bytes: Array, width: int, factor: float) -> Array:
    """Ups and downs around the running median of `width` samples, times the factor; never below nothing."""
    demand = demand_bytes.astype(np.float64)
    points = np.arange(0, demand.size, max(1, width // LEVEL_POINTS))
    medians = [np.median(demand[max(0, point - width // 2) : point + width // 2 + 1]) for point in points]
    level = np.interp(np.arange(demand.size), points, medians)
    swings: Array = np.maximum(0.0, level + (demand - level) * factor)
    return swings
