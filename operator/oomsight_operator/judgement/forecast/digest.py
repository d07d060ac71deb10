"""A floor's history as a short text: what a MemoryRecommendation's digest keeps of it between two lives of the operator.

Columns of differences, deflated, in base64: a few hundred characters. What is read back may have been written by anybody: what is
not whole and in order is no history.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from oomsight_operator.judgement.forecast.history import MAX_POINTS, MAX_RUNS, FloorHistory, Point, Run, thinned

VERSION: Final = 1
STORED_POINTS: Final = 24
MAX_DIGEST_CHARACTERS: Final = 2048
_MOST_BYTES: Final = 4096
_WORD: Final = 1 << 32


def to_digest(history: FloorHistory, points: int = STORED_POINTS) -> str:
    """Printable ASCII; empty for an empty history. At most `points` points are kept, closest while they are young."""
    if history == FloorHistory():
        return ""
    kept, runs = thinned(history.points, points), history.runs
    words = [VERSION, history.run, len(kept), len(runs), *_columns(kept), *_columns(runs)]
    return base64.b64encode(zlib.compress(struct.pack(f"<{len(words)}I", *words), 9)).decode("ascii")


def from_digest(text: str) -> FloorHistory | None:
    """The history; None for a text that is none. Never raises."""
    if not text:
        return FloorHistory()
    if len(text) > MAX_DIGEST_CHARACTERS:
        return None
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b64decode(text, validate=True), _MOST_BYTES)
        if not inflater.eof or len(data) % 4:
            return None
        version, run, count, runs_count, *rest = struct.unpack(f"<{len(data) // 4}I", data)
    except (binascii.Error, ValueError, zlib.error):
        return None
    width, runs_width = len(Point._fields), len(Run._fields)
    if version != VERSION or count > MAX_POINTS or runs_count > MAX_RUNS or len(rest) != count * width + runs_count * runs_width:
        return None
    points = [Point._make(row) for row in _rows(rest[: count * width], count)]
    runs = [Run._make(row) for row in _rows(rest[count * width :], runs_count)]
    return FloorHistory.of(run, points, runs) if _in_order(points, runs) else None


def _columns(rows: Sequence[tuple[int, ...]]) -> Iterable[int]:
    """Column by column, each value as the difference to the one before it."""
    for column in zip(*rows, strict=True):
        yield column[0]
        yield from ((after - before) % _WORD for before, after in pairwise(column))


def _rows(words: Sequence[int], count: int) -> Iterable[tuple[int, ...]]:
    columns = []
    for start in range(0, len(words), count or 1):
        value, column = 0, []
        for word in words[start : start + count]:
            value = (value + word) % _WORD
            column.append(value)
        columns.append(column)
    return zip(*columns, strict=True)


def _in_order(points: Sequence[Point], runs: Sequence[Run]) -> bool:
    rising = all(before.seconds < after.seconds for before, after in pairwise(points))
    nested = all(point.low <= point.top and point.low <= point.high for point in points)
    return rising and nested and all(run.began_seconds < run.ended_seconds for run in runs)
