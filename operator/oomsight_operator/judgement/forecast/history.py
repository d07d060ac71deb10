"""The floor under a container's unreclaimable memory, from the last minute to the last week, in less than 1 KiB.

A point is one reading: its time, the lowest value that the agent saw since it last told the row (what is left when garbage was
collected), and the value then. Readings come as they come: often while memory moves, every five minutes while it does not. Points
are kept closer the younger they are. When there are too many, two neighbours become one, those whose distance is smallest for their
age; the lower floor stays with its own time, so that every point lies on the true curve. Three that lie level need no middle.

A new container id begins a new run: what is left of the last one is where its floor began, stood half way and ended.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final, NamedTuple, Self

MAX_POINTS: Final = 40
MAX_RUNS: Final = 6
HISTORY_SECONDS: Final = 7 * 86400
"""Older points go: a leak that slow is no matter of a forecast in hours."""
SPACING_SECONDS: Final = 15
"""Readings closer than this are one point."""
UNIT_BYTES: Final = 1024
LEVEL_SHARE: Final = 0.005
LEVEL_UNITS: Final = 256
"""Points that differ by less than half a percent (or 256 KiB) lie level."""
RUN_SECONDS: Final = 600
RUN_POINTS: Final = 5
"""What a run must have to be remembered: a crash loop's short runs say nothing of growth."""
CLOCK_STEP_SECONDS: Final = 600
"""A clock that was set back by more makes earlier points meaningless."""
_MOST: Final = 0xFFFF_FFFF
"""The year 2106; 4 TiB."""
_POINT: Final = struct.Struct("<IIII")
_RUN: Final = struct.Struct("<IIIIII")


class Point(NamedTuple):
    """One reading, or several that became one. Seconds are Unix time; amounts are in UNIT_BYTES."""

    seconds: int
    low: int
    """Lowest floor."""
    top: int
    """Highest floor: where memory was for minutes, and may have come back from."""
    high: int
    """Highest value."""


class Run(NamedTuple):
    """An earlier run of the container; amounts in UNIT_BYTES."""

    began_seconds: int
    ended_seconds: int
    first: int
    middle: int
    last: int
    """Floor in its first quarter, after half of it, and at its end."""
    high: int


@dataclass(frozen=True, slots=True)
class FloorHistory:
    """What is remembered of one container's floor. Immutable; packed, since an operator holds 300,000 of them."""

    run: int = 0
    """Checksum of the container id that the points are of; 0 before the first."""
    packed_points: bytes = b""
    packed_runs: bytes = b""

    @property
    def points(self) -> list[Point]:
        """Of the current run, oldest first, times rising."""
        return list(map(Point._make, _POINT.iter_unpack(self.packed_points)))

    @property
    def runs(self) -> list[Run]:
        """Earlier runs, oldest first."""
        return [Run._make(fields) for fields in _RUN.iter_unpack(self.packed_runs)]

    @property
    def newest(self) -> Point | None:
        """The newest point of the current run; None before the first."""
        at = len(self.packed_points) - _POINT.size
        return Point._make(_POINT.unpack_from(self.packed_points, at)) if at >= 0 else None

    @classmethod
    def of(cls, run: int, points: Sequence[Point], runs: Sequence[Run]) -> Self:
        """Packed. Raises struct.error for numbers that do not fit."""
        return cls(run, _packed(points), b"".join(_RUN.pack(*run) for run in runs))

    def observed(self, container_id: str, time_seconds: float, floor_bytes: int, unreclaimable_bytes: int) -> FloorHistory:
        """With one more reading. Readings older than the newest are left out; those of another container id begin a new run."""
        if not 0 <= time_seconds <= _MOST:  # NaN, too
            return self
        run = zlib.crc32(container_id.encode("utf-8", "surrogatepass"))
        low = _units(min(floor_bytes, unreclaimable_bytes))
        reading = Point(int(time_seconds), low, low, max(low, _units(unreclaimable_bytes)))
        history = self if run == self.run else self._next_run(run)
        points = history.points
        if points and reading.seconds <= points[-1].seconds:
            if points[-1].seconds - reading.seconds <= CLOCK_STEP_SECONDS:
                return history
            points = []
        return FloorHistory(run, _packed(_with(points, reading)), history.packed_runs)

    def _next_run(self, run: int) -> FloorHistory:
        points = self.points
        ended = summary_of_run(points)
        runs = [*self.runs, ended][-MAX_RUNS:] if ended is not None else self.runs
        return FloorHistory.of(run, (), runs)


NOTHING_SEEN: Final = FloorHistory()
"""One for all containers that were not seen yet."""


def summary_of_run(points: Sequence[Point]) -> Run | None:
    """What stays of a run; None when it was too short to say anything."""
    if len(points) < RUN_POINTS or points[-1].seconds - points[0].seconds < RUN_SECONDS:
        return None
    began, ended = points[0].seconds, points[-1].seconds

    def lowest(since: float, until: float) -> int | None:
        return min((point.low for point in points if began + since <= point.seconds <= began + until), default=None)

    span = ended - began
    last = lowest(span * 7 / 8, span)
    first, middle = lowest(0, span / 4), lowest(span / 2, span)
    assert first is not None
    assert last is not None
    assert middle is not None
    return Run(began, ended, first, middle, last, max(point.high for point in points))


def _packed(points: Sequence[Point]) -> bytes:
    """All in one call: forty of them are packed with every reading."""
    return struct.pack(f"<{len(points) * len(Point._fields)}I", *chain.from_iterable(points))


def _units(amount_bytes: int) -> int:
    return min(_MOST, max(0, amount_bytes) // UNIT_BYTES)


def _with(points: list[Point], reading: Point) -> list[Point]:
    """The points and one more, within their bound."""
    _forget_before(points, reading.seconds - HISTORY_SECONDS)
    if points and reading.seconds - points[-1].seconds < SPACING_SECONDS:
        points[-1] = _joined(points[-1], reading)
        return points
    if len(points) >= 2 and _is_level(points[-2], points[-1], reading):
        points[-1] = Point(reading.seconds, reading.low, max(points[-1].top, reading.top), max(points[-1].high, reading.high))
        return points
    points.append(reading)
    if len(points) > MAX_POINTS:
        _join_the_closest(points)
    return points


def _forget_before(points: list[Point], oldest: int) -> None:
    """Points older than that go. Where memory was level until a younger one, it was so at `oldest`, too: a floor that has not moved
    for longer than a week was watched for a week, not since the last reading."""
    while points and points[0].seconds < oldest:
        if len(points) > 1 and points[1].seconds > oldest and _is_flat(points[0], points[1]):
            points[0] = points[0]._replace(seconds=oldest)
        else:
            del points[0]


def _joined(earlier: Point, later: Point) -> Point:
    lower = earlier if earlier.low <= later.low else later
    return Point(lower.seconds, lower.low, max(earlier.top, later.top), max(earlier.high, later.high))


def _is_level(before: Point, middle: Point, after: Point) -> bool:
    flat = _is_flat(middle, before) and _is_flat(middle, after)
    return flat and abs(middle.high - after.high) <= _level(middle)


def _is_flat(point: Point, other: Point) -> bool:
    return abs(point.low - other.low) <= _level(point)


def _level(point: Point) -> int:
    return max(LEVEL_UNITS, int(point.low * LEVEL_SHARE))


def _join_the_closest(points: list[Point]) -> None:
    """Make the two neighbours one whose distance is smallest for their age; the newest two stay."""
    newest = points[-1].seconds
    costs = [(later.seconds - earlier.seconds) / (newest - later.seconds + 60) ** 0.75 for earlier, later in pairwise(points[:-1])]
    index = costs.index(min(costs))
    points[index : index + 2] = [_joined(points[index], points[index + 1])]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most `most` points, by the same rule."""
    kept = list(points)
    while len(kept) > max(3, most):
        _join_the_closest(kept)
    return kept
