"""A floor's history survives as a short text, and a text that is none is refused."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import NOW, SECOND_RUN
from tests.oomsight_operator.judgement.forecast.floors import HOUR, outlook, watched

from oomsight_operator.judgement.forecast.digest import (
    COARSE_POINTS,
    STORED_POINTS,
    coarse_numbers,
    from_digest,
    from_numbers,
    to_digest,
)
from oomsight_operator.judgement.forecast.history import MAX_POINTS, FloorHistory, Point, Run
from oomsight_operator.judgement.forecast.outlook import Shape
from oomsight_operator.judgement.packing import pack

LEAK = watched(lambda t: 100 + t / 144 + 5 * math.sin(t), 20, every=60)


def test_all_points_and_runs_come_back() -> None:
    history = watched(lambda t: 100 + t / 36, 2, run=SECOND_RUN, until=NOW + 3 * HOUR, before=LEAK)

    assert from_digest(to_digest(history, MAX_POINTS)) == history
    assert history.runs


def test_the_stored_form_is_a_few_hundred_characters_and_says_the_same() -> None:
    text = to_digest(LEAK)
    restored = from_digest(text)

    assert len(text) < 400
    assert restored is not None
    assert len(restored.points) == STORED_POINTS
    before, after = outlook(LEAK).seconds_to_limit, outlook(restored).seconds_to_limit
    assert before is not None
    assert after == pytest.approx(before, rel=0.1)


def test_a_text_of_an_earlier_version_is_read() -> None:
    points, runs = [(1000, 70, 90, 95), (1100, 60, 90, 95)], [(100, 900, 5, 6, 7, 8)]
    words = [1, 4711, len(points), len(runs)]
    for column in (*zip(*points, strict=True), *zip(*runs, strict=True)):
        words += [column[0], *((after - before) % 2**32 for before, after in pairwise(column))]
    text = base64.b64encode(zlib.compress(struct.pack(f"<{len(words)}I", *words))).decode()

    assert from_digest(text) == FloorHistory.of(4711, [Point(*point) for point in points], [Run(*run) for run in runs])


def test_the_coarse_form_takes_fewer_than_a_hundred_bytes_and_says_the_same() -> None:
    numbers = coarse_numbers(LEAK)
    restored = from_numbers(numbers)

    assert len(pack(numbers)) < 100
    assert restored is not None
    assert len(restored.points) == COARSE_POINTS
    before, after = outlook(LEAK), outlook(restored)
    assert after.shape is before.shape is Shape.GROWING
    assert before.seconds_to_limit is not None
    assert after.seconds_to_limit == pytest.approx(before.seconds_to_limit, rel=0.3)


def test_the_coarse_form_keeps_the_last_runs_and_no_two_points_at_one_time() -> None:
    history = FloorHistory.of(
        7, [Point(801, 5, 6, 7), Point(802, 4, 6, 8)], [Run(1000 * n, 1000 * n + 700, n, n, n, n) for n in range(5)]
    )
    restored = from_numbers(coarse_numbers(history))

    assert restored is not None
    assert restored.points == [Point(800, 4, 6, 8)]
    assert [run.first for run in restored.runs] == [2, 3, 4]


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 50), max_size=40))
def test_numbers_that_are_no_history_are_refused(numbers: list[int]) -> None:
    restored = from_numbers(numbers)
    if restored is not None and restored.points:
        outlook(restored, restored.points[-1].seconds)


def test_an_empty_history_is_an_empty_text() -> None:
    assert to_digest(FloorHistory()) == ""
    assert from_digest("") == FloorHistory()


@pytest.mark.parametrize(
    "text",
    [
        "not base64 \N{SNOWMAN}",
        "AAAA",
        base64.b64encode(zlib.compress(b"\0" * 5000)).decode(),
        base64.b64encode(zlib.compress(b"\1\0\0\0" * 4)).decode(),
        base64.b64encode(zlib.compress(b"\xff" * 400)).decode(),
        base64.b64encode(b"\2" + b"\xff" * 400).decode(),
        base64.b64encode(b"\2\0\0\0\1\0" + bytes(3)).decode(),
        base64.b64encode(b"\2" + pack((7, 32, 32, 1, 0, 2, 2**33, 0, 0))).decode(),
        to_digest(LEAK)[:-8],
        "A" * 5000,
    ],
)
def test_what_is_no_history_is_refused(text: str) -> None:
    assert from_digest(text) is None


@given(st.one_of(st.text(), st.binary(max_size=300).map(lambda data: base64.b64encode(zlib.compress(data)).decode())))
def test_nothing_that_is_read_back_breaks_a_forecast(text: str) -> None:
    restored = from_digest(text)
    if restored is not None and restored.points:
        outlook(restored, restored.points[-1].seconds)
