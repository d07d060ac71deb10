"""Amounts are rounded up to what a person would write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, KI, MI

from oomsight_operator.judgement.rounding import round_up


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, 0),
        (1, MI),
        (10 * MI + 1, 11 * MI),
        (65 * MI, 68 * MI),
        (600 * MI, 608 * MI),
        (640 * MI, 640 * MI),
        (1500 * MI, 1536 * MI),
        (10 * GI + KI, 10 * GI + 512 * MI),
    ],
)
def test_examples(amount: int, expected: int) -> None:
    assert round_up(amount) == expected


@given(st.integers(1, 2**60))
def test_never_down_and_never_far_up(amount: int) -> None:
    rounded = round_up(amount)

    assert amount <= rounded <= max(amount + amount // 16 + 1, amount + MI)
    assert rounded % MI == 0
    assert round_up(rounded) == rounded
