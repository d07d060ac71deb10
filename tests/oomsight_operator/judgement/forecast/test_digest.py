"""A floor's history survives as a short text, and a text that is none is refused."""

from __future__ import annotations

import base64
import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import NOW, SECOND_RUN
from tests.oomsight_operator.judgement.forecast.floors import HOUR, outlook, watched

from oomsight_operator.judgement.forecast.digest import STORED_POINTS, from_digest, to_digest
from oomsight_operator.judgement.forecast.history import MAX_POINTS, FloorHistory

LEAK = watched(lambda t: 100 + t / 144 + 5 * math.sin(t), 20, every=60)


def test_all_points_and_runs_come_back() -> None:
    history = watched(lambda t: 100 + t / 36, 2, run=SECOND_RUN, until=NOW + 3 * HOUR, before=LEAK)

    assert from_digest(to_digest(history, MAX_POINTS)) == history
    assert history.runs


def test_the_stored_form_is_a_few_hundred_characters_and_says_the_same() -> None:
    text = to_digest(LEAK)
    restored = from_digest(text)

    assert len(text) < 500
    assert restored is not None
    assert len(restored.points) == STORED_POINTS
    before, after = outlook(LEAK).seconds_to_limit, outlook(restored).seconds_to_limit
    assert before is not None
    assert after == pytest.approx(before, rel=0.1)


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
