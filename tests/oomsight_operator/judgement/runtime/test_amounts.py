from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.runtime.amounts import Amount, amount, times
from oomsight_operator.judgement.runtime.marks import OF_LIMIT, UNKNOWN
from oomsight_operator.judgement.runtime.setting import MOST_BYTES


def test_digits_in_decimal_or_hexadecimal() -> None:
    assert [amount(text) for text in ("512", "0x200", f"{OF_LIMIT}7{OF_LIMIT}")] == [Amount(512), Amount(512), Amount(7, True)]


def test_everything_else_is_none() -> None:
    for text in ("", "-1", "+1", "1.5", " 1", "1_0", "\u0661", UNKNOWN, f"1{UNKNOWN}", "9" * 21, "0x", str(MOST_BYTES + 1)):
        assert amount(text) is None, text


def test_a_unit_never_leads_beyond_any_machine() -> None:
    assert times(Amount(3, True), 1 << 20) == Amount(3 << 20, True)
    assert times(Amount(MOST_BYTES), 2) is None
    assert times(None, 2) is None


@given(st.text(max_size=30))
def test_no_text_makes_it_fail(text: str) -> None:
    found = amount(text)
    assert found is None or 0 <= found.number <= MOST_BYTES
