"""Amounts are rounded to what a person would write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, KI, MI

from oomsight_operator.judgement.rounding import round_down_below, round_near, round_up, round_up_coarsely


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, 0),
        (1, 256 * KI),
        (5 * MI + 1, 5 * MI + 256 * KI),
        (10 * MI + 1, 11 * MI),
        (33 * MI, 33 * MI),
        (127 * MI + 1, 128 * MI),
        (129 * MI, 130 * MI),
        (257 * MI, 260 * MI),
        (512 * MI, 512 * MI),
        (600 * MI + 1, 608 * MI),
        (1025 * MI, 1040 * MI),
        (1500 * MI, 1504 * MI),
        (4 * GI + KI, 4 * GI + 64 * MI),
        (16 * GI + KI, 16 * GI + 256 * MI),
    ],
)
def test_up_to_the_next_plain_number(amount: int, expected: int) -> None:
    assert round_up(amount) == expected


@pytest.mark.parametrize(
    ("amount", "least", "expected"),
    [
        (0, 0, 0),
        (33 * MI + 400 * KI, 30 * MI, 33 * MI),
        (33 * MI + 600 * KI, 30 * MI, 34 * MI),
        (33 * MI + 400 * KI, 33 * MI + 1, 34 * MI),
        (1030 * MI, 1000 * MI, 1024 * MI),
        (1030 * MI, 1025 * MI, 1040 * MI),
        (1033 * MI, 1000 * MI, 1040 * MI),
        (1, 0, 256 * KI),
    ],
)
def test_to_the_nearest_plain_number_that_is_enough(amount: int, least: int, expected: int) -> None:
    assert round_near(amount, least) == expected


@given(st.integers(1, 2**60))
def test_never_down_and_never_far_up(amount: int) -> None:
    rounded = round_up(amount)

    assert amount <= rounded <= max(amount + amount // 64 + 1, amount + (MI if amount >= 8 * MI else 256 * KI) - 1)
    assert rounded % (256 * KI) == 0
    assert round_up(rounded) == rounded


@given(st.integers(1, 2**60), st.integers(0, 2**60))
def test_the_nearest_is_enough_and_between_its_neighbours(amount: int, least: int) -> None:
    rounded = round_near(amount, min(least, amount))

    assert min(least, amount) <= rounded <= round_up(amount)
    assert round_near(rounded, min(least, amount)) == rounded


@given(st.integers(1, 2**40), st.integers(1, 2**40))
def test_more_is_never_rounded_to_less(one: int, other: int) -> None:
    assert round_up(min(one, other)) <= round_up(max(one, other))
    assert round_near(min(one, other), 0) <= round_near(max(one, other), 0)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0, 0), (1, 256 * KI), (30 * MI + 1, 31 * MI), (100 * MI + 1, 104 * MI), (355 * MI, 368 * MI), (GI + 1, GI + 64 * MI)],
)
def test_coarser_is_still_a_sixteenth_at_most(amount: int, expected: int) -> None:
    assert round_up_coarsely(amount) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0, 0), (256 * KI, 0), (256 * KI + 1, 256 * KI), (20 * MI, 19 * MI), (544 * MI, 512 * MI), (616 * MI, 608 * MI)],
)
def test_down_to_the_next_coarse_number_below(amount: int, expected: int) -> None:
    assert round_down_below(amount) == expected
