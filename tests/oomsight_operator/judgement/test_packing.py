"""Whole numbers as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.packing import folded, pack, unfolded, unpack


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_numbers_come_back_and_small_ones_take_one_byte(numbers: list[int]) -> None:
    assert unpack(pack(numbers)) == numbers
    assert len(pack(number % 128 for number in numbers)) == len(numbers)


@given(st.integers(-(2**62), 2**62))
def test_a_number_below_0_is_folded_to_one_that_is_not(number: int) -> None:
    assert folded(number) >= 0
    assert unfolded(folded(number)) == number


def test_a_number_below_0_is_not_packed() -> None:
    with pytest.raises(ValueError, match="-1 is below 0"):
        pack([3, -1])


@given(st.binary(max_size=100))
def test_whatever_is_read_it_is_numbers_of_64_bits_or_refused(data: bytes) -> None:
    try:
        numbers = unpack(data)
    except ValueError:
        return
    assert all(0 <= number < 2**64 for number in numbers)


@pytest.mark.parametrize("data", [b"\x80", b"\x05\xff", b"\xff" * 10 + b"\x01", b"\x80" * 5000 + b"\x01"])
def test_what_is_cut_off_or_has_no_end_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="number"):
        unpack(data)
