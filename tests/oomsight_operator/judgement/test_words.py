"""Numbers and names in sentences: plain, printable, one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.words import format_percent, format_span, printable, time_text


@given(st.text(), st.integers(4, 100))
def test_whatever_a_tenant_writes_becomes_printable_ascii_of_bounded_length(text: str, limit: int) -> None:
    shown = printable(text, limit)

    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) <= limit


def test_control_and_bidi_characters_are_escaped() -> None:
    assert printable("a\x1b[31m\n\u202eb\x7f") == "a\\x1b[31m\\n\\u202eb\\x7f"


def test_percent_is_cut_so_that_a_threshold_is_never_shown_before_it_is_reached() -> None:
    assert format_percent(899, 1000) == "89 %"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (-5, "0 s"), (119, "119 s"), (120, "2 min"), (86400, "24 h"), (172800, "2 days")]
)
def test_spans(seconds: float, words: str) -> None:
    assert format_span(seconds) == words


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -1e20, 1e20])
def test_a_time_that_no_calendar_has_is_unknown(moment: float) -> None:
    assert time_text(moment) == "unknown-time"
