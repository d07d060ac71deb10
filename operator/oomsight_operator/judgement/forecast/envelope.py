"""The floor as a line that never falls: the lowest value of each bin, at the shortest width of bins at which nothing comes back.

Teeth of a sawtooth, days and nights, and noise all come back; a leak does not. In bins as long as a tooth only its floor is left.
So the same history is looked at in bins of doubling width, each time back to where the floor last came back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from oomsight_operator.judgement.forecast.history import Point

SHORTEST_BIN_SECONDS: Final = 60
FEWEST_BINS: Final = 5
"""Four steps upward without one down: teeth, days, or single readings."""
MOST_BINS: Final = 24
FALL_SHARE: Final = 0.015
"""Of the limit: what the floor may fall and still count as not falling; the agent tells nothing below 2 %."""


class Sample(NamedTuple):
    """A point of the line; amounts in units of history.UNIT_BYTES."""

    seconds: float
    low: float


@dataclass(frozen=True, slots=True)
class Rise:
    """The newest stretch of the history in which the floor never came back, as bins of one width see it."""

    bin_seconds: int
    samples: tuple[Sample, ...]
    """Lowest of each bin, oldest first."""


def rises(points: Sequence[Point], limit: float) -> Iterator[Rise]:
    """One for each width of bins, shortest first, that have enough of them. Bins end with the newest point: none is half full."""
    if not points:
        return
    end, fall = points[-1].seconds, max(1.0, limit * FALL_SHARE)
    width = SHORTEST_BIN_SECONDS
    bins = _lowest((int((end - point.seconds) // width), Sample(point.seconds, point.low)) for point in points)
    seen: tuple[Sample, ...] = ()
    while len(bins) >= FEWEST_BINS:
        rise = _last_rise([sample for _, sample in bins], fall, width)
        if len(rise.samples) >= FEWEST_BINS and rise.samples != seen:
            yield rise
            seen = rise.samples
        width *= 2
        bins = _lowest((index // 2, sample) for index, sample in bins)


def _lowest(samples: Iterable[tuple[int, Sample]]) -> list[tuple[int, Sample]]:
    """Of neighbours with the same index the lowest, the later of two alike."""
    kept: list[tuple[int, Sample]] = []
    for index, sample in samples:
        if not kept or kept[-1][0] != index:
            kept.append((index, sample))
        elif sample.low <= kept[-1][1].low:
            kept[-1] = (index, sample)
    return kept


def _last_rise(samples: Sequence[Sample], fall: float, width: int) -> Rise:
    """Back from now, as long as no earlier sample lies above a later one by more than `fall`."""
    least, first = samples[-1].low, len(samples) - 1
    while first > 0 and first > len(samples) - 2 * MOST_BINS and samples[first - 1].low <= least + fall:
        first -= 1
        least = min(least, samples[first].low)
    return Rise(width, tuple(samples[first:]))
