"""The slope of the floor under a container's unreclaimable memory: what a leak raises and a garbage collection does not hide.

The window is cut into pieces; of each only the lowest value counts, so the teeth of a sawtooth fall out. Through the lowest
values goes the Theil-Sen line (the median of all pairwise slopes), which a quarter of outliers cannot bend. Bounded: PIECES pairs
of numbers.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from statistics import median
from typing import Final

WINDOW_SECONDS: Final = 600.0
PIECES: Final = 20
PIECE_SECONDS: Final = WINDOW_SECONDS / PIECES


def theil_sen_slope(times: Sequence[float], values: Sequence[float]) -> float | None:
    """Median of the slopes between all pairs of points; None with fewer than two distinct times."""
    slopes = [
        (values[later] - values[earlier]) / (times[later] - times[earlier])
        for later in range(len(times))
        for earlier in range(later)
        if times[later] > times[earlier]
    ]
    return median(slopes) if slopes else None


class FloorWindow:
    """Takes (time, unreclaimable) as they come, and gives the slope of the floor."""

    __slots__ = ("_lowest", "_lowest_at", "_piece_began", "_slope", "_times", "_values")

    def __init__(self) -> None:
        self._times = array("d")
        self._values = array("d")
        self._piece_began: float | None = None
        self._lowest = 0.0
        self._lowest_at = 0.0
        self._slope: float | None = None

    def add(self, time_seconds: float, value_bytes: int) -> None:
        """Take one value; times rise."""
        if self._piece_began is not None and time_seconds - self._piece_began >= PIECE_SECONDS:
            self._close_piece(time_seconds)
        if self._piece_began is None:
            self._piece_began = time_seconds
            self._lowest, self._lowest_at = float(value_bytes), time_seconds
        elif value_bytes < self._lowest:
            self._lowest, self._lowest_at = float(value_bytes), time_seconds

    def slope_bytes_per_second(self) -> float | None:
        """None until the window is half full."""
        return self._slope

    def _close_piece(self, now_seconds: float) -> None:
        self._times.append(self._lowest_at)
        self._values.append(self._lowest)
        while len(self._times) > PIECES or (self._times and self._times[0] < now_seconds - WINDOW_SECONDS - PIECE_SECONDS):
            del self._times[0], self._values[0]
        self._piece_began = None
        half_full = len(self._times) >= PIECES // 2
        self._slope = theil_sen_slope(self._times, self._values) if half_full else None
