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
        (1, 2 * MI),
        (10 * MI + 1, 12 * MI),
        (33 * MI, 36 * MI),
        (58 * MI, 60 * MI),
        (65 * MI, 72 * MI),
        (116 * MI, 120 * MI),
        (129 * MI, 136 * MI),
        (257 * MI, 272 * MI),
        (512 * MI, 512 * MI),
        (600 * MI, 608 * MI),
        (1025 * MI, 1088 * MI),
        (1500 * MI, 1536 * MI),
        (4 * GI + KI, 4 * GI + 256 * MI),
        (16 * GI + KI, 17 * GI),
    ],
)
def test_examples(amount: int, expected: int) -> None:
    assert round_up(amount) == expected


@given(st.integers(1, 2**60))
def test_never_down_and_never_far_up(amount: int) -> None:
    rounded = round_up(amount)

    assert amount <= rounded <= max(amount + amount // 8 + 1, amount + 2 * MI - 1)
    assert rounded % (2 * MI) == 0
    assert round_up(rounded) == rounded


@given(st.integers(1, 2**40), st.integers(1, 2**40))
def test_more_is_never_rounded_to_less(one: int, other: int) -> None:
    assert round_up(min(one, other)) <= round_up(max(one, other))
