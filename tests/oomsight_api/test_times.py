from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_api.times import TimeError, format_time, parse_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-03-01T10:00:00Z", 1772359200.0),
        ("2026-03-01T12:00:00+02:00", 1772359200.0),
        ("2026-03-01t10:00:00z", 1772359200.0),
        ("2026-03-01T10:00:00.5Z", 1772359200.5),
        ("2026-03-01T10:00:00.123456789Z", 1772359200.123456),
        ("0001-01-01T00:00:00Z", -62135596800.0),
    ],
)
def test_rfc3339_is_read_as_the_api_writes_it(text: str, expected: float) -> None:
    assert parse_time(text) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "yesterday",
            "2026-03-01",
            "2026-03-01 10:00:00Z",
            "2026-03-01T10:00:00",
            "2026-13-01T10:00:00Z",
            "2026-03-01T25:00:00Z",
        ),
        *(
            "2026-03-01T10:00:00Z\n",
            "\u0662026-03-01T10:00:00Z",
            "2026-03-01T10:00:00+99:00",
            "9" * 10_000,
        ),
    ],
)
def test_anything_else_is_refused_with_what_was_found(text: str) -> None:
    with pytest.raises(TimeError, match="expected RFC 3339") as refused:
        parse_time(text)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, 1e18, -1e18])
def test_no_time_is_written_for_what_is_none(seconds: float) -> None:
    with pytest.raises(TimeError):
        format_time(seconds)


@given(st.integers(min_value=-62_135_596_800, max_value=253_402_300_799))
def test_whole_seconds_survive_the_way_there_and_back(seconds: int) -> None:
    text = format_time(seconds)
    assert len(text) == 20
    assert parse_time(text) == seconds


@given(st.text())
def test_any_text_is_a_time_or_a_clear_refusal(text: str) -> None:
    try:
        assert math.isfinite(parse_time(text))
    except TimeError as refused:
        assert str(refused).isprintable()  # noqa: PT017 - either outcome is right
