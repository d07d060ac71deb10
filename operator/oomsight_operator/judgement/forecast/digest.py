"""A floor's history as a short text: what a MemoryRecommendation's digest keeps of it between two lives of the operator.

Columns of differences, packed, in base64: some 330 characters for a leak, or 66 bytes in the coarse form. What is read back may
have been written by anybody: what is not whole and in order is no history.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Final

from oomsight_operator.judgement.forecast.history import MAX_POINTS, MAX_RUNS, FloorHistory, Point, Run, thinned
from oomsight_operator.judgement.packing import folded, pack, unfolded, unpack

VERSION: Final = 2
STORED_POINTS: Final = 24
COARSE_POINTS: Final = 10
"""Of looks at growth of all shapes one in twenty no longer tells it with ten points (`make bench-forecast`), half with six."""
COARSE_RUNS: Final = 3
COARSE_BITS: Final = 10
"""Of amounts, as far as the highest needs them: a tenth of a percent. The forecast minds a whole one."""
COARSE_SECONDS_SHIFT: Final = 3
"""Readings lie 15 s apart at least."""
MAX_DIGEST_CHARACTERS: Final = 2048
_MOST_BYTES: Final = 4096
_MOST_SHIFT: Final = 32
_WORD: Final = 1 << 32


def to_digest(history: FloorHistory, points: int = STORED_POINTS) -> str:
    """Printable ASCII; empty for an empty history. At most `points` points are kept, closest while they are young."""
    return text_of(to_numbers(history, points, MAX_RUNS)) if history != FloorHistory() else ""


def text_of(numbers: Iterable[int]) -> str:
    """A history's numbers as a text."""
    return base64.b64encode(pack((VERSION, *numbers))).decode("ascii")


def from_digest(text: str) -> FloorHistory | None:
    """The history; None for a text that is none. Never raises."""
    if not text:
        return FloorHistory()
    if len(text) > MAX_DIGEST_CHARACTERS:
        return None
    try:
        data = base64.b64decode(text, validate=True)
        if data[:1] != bytes([VERSION]):
            return _of_version_1(data)
        return from_numbers(unpack(data[1:]))
    except (binascii.Error, ValueError, zlib.error):
        return None


def coarse_numbers(history: FloorHistory) -> list[int]:
    """The history in as few bytes as the forecast can go on from."""
    highest = max((point.high for point in history.points), default=0)
    shift = max(0, highest.bit_length() - COARSE_BITS)
    return to_numbers(history, COARSE_POINTS, COARSE_RUNS, seconds_shift=COARSE_SECONDS_SHIFT, amount_shift=shift)


def to_numbers(
    history: FloorHistory, most_points: int, most_runs: int, *, seconds_shift: int = 0, amount_shift: int = 0
) -> list[int]:
    """At most so many points and runs; times and amounts without so many of their last bits. None is below 0."""
    s, a = seconds_shift, amount_shift
    kept = [Point(at >> s, low >> a, top >> a, high >> a) for at, low, top, high in thinned(history.points, most_points)]
    points = list({point.seconds: point for point in kept}.values())  # two may lie at one time now
    runs = [
        Run(began >> s, ended >> s, first >> a, middle >> a, last >> a, high >> a)
        for began, ended, first, middle, last, high in history.runs[-most_runs:]
    ]
    return [
        history.run,
        s,
        a,
        len(points),
        len(runs),
        *_differences([point.seconds for point in points]),
        *_differences([point.low for point in points]),
        *(point.top - point.low for point in points),
        *(point.high - point.low for point in points),
        *(number for column in zip(*runs, strict=True) for number in _differences(column)),
    ]


def from_numbers(numbers: Sequence[int]) -> FloorHistory | None:
    """The history that all of them tell; None where they are not whole, in order, and of this world."""
    if len(numbers) < 5:
        return None
    run, seconds_shift, amount_shift, count, runs_count, *rest = numbers
    width, runs_width = len(Point._fields), len(Run._fields)
    if run >= _WORD or max(seconds_shift, amount_shift) > _MOST_SHIFT or count > MAX_POINTS or runs_count > MAX_RUNS:
        return None
    if len(rest) != count * width + runs_count * runs_width:
        return None
    s, a, left = seconds_shift, amount_shift, iter(rest)
    seconds, lows = _sums(left, count), _sums(left, count)
    tops, highs = list(islice(left, count)), list(islice(left, count))
    columns = [_sums(left, runs_count) for _ in Run._fields]
    points = [
        Point(at << s, low << a, low + above << a, low + over << a)
        for at, low, above, over in zip(seconds, lows, tops, highs, strict=True)
    ]
    runs = [
        Run(began << s, ended << s, *(amount << a for amount in amounts)) for began, ended, *amounts in zip(*columns, strict=True)
    ]
    return _history(run, points, runs)


def _of_version_1(data: bytes) -> FloorHistory | None:
    """Words of 32 bits, each the difference to the one before it in its column, deflated."""
    inflater = zlib.decompressobj()
    data = inflater.decompress(data, _MOST_BYTES)
    if not inflater.eof or len(data) % 4 or len(data) < 16:
        return None
    version, run, count, runs_count, *rest = struct.unpack(f"<{len(data) // 4}I", data)
    width, runs_width = len(Point._fields), len(Run._fields)
    if version != 1 or count > MAX_POINTS or runs_count > MAX_RUNS or len(rest) != count * width + runs_count * runs_width:
        return None
    left = iter(rest)
    columns = [_words(left, count) for _ in Point._fields], [_words(left, runs_count) for _ in Run._fields]
    points, runs = (list(zip(*each, strict=True)) for each in columns)
    return _history(run, [Point._make(row) for row in points], [Run._make(row) for row in runs])


def _history(run: int, points: Sequence[Point], runs: Sequence[Run]) -> FloorHistory | None:
    rising = all(before.seconds < after.seconds for before, after in pairwise(points))
    nested = all(point.low <= point.top and point.low <= point.high for point in points)
    if not rising or not nested or any(run.began_seconds >= run.ended_seconds for run in runs):
        return None
    try:
        return FloorHistory.of(run, points, runs)
    except struct.error:
        return None  # below 0, beyond the year 2106, or above 4 TiB


def _differences(column: Sequence[int]) -> Iterable[int]:
    yield from (folded(after - before) for before, after in pairwise((0, *column)))


def _sums(numbers: Iterator[int], count: int) -> list[int]:
    value, column = 0, []
    for number in islice(numbers, count):
        value += unfolded(number)
        column.append(value)
    return column


def _words(words: Iterator[int], count: int) -> list[int]:
    value, column = 0, []
    for word in islice(words, count):
        value = (value + word) % _WORD
        column.append(value)
    return column
