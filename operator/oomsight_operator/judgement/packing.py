"""Whole numbers as bytes, seven bits each: a small one takes one byte. What is read back may have been written by anybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_MOST_BITS: Final = 64


def pack(numbers: Iterable[int]) -> bytes:
    """None below 0: those go through `folded`."""
    data = bytearray()
    for number in numbers:
        if number < 0:
            raise ValueError(f"{number} is below 0")
        rest = number
        while rest > 0x7F:
            data.append(rest & 0x7F | 0x80)
            rest >>= 7
        data.append(rest)
    return bytes(data)


def unpack(data: bytes) -> list[int]:
    """The numbers. Raises ValueError for one that is cut off, or of more than 64 bits."""
    numbers, number, shift = [], 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if number >> _MOST_BITS or shift > _MOST_BITS + 7:
            raise ValueError("a number of more than 64 bits")
        if byte < 0x80:
            numbers.append(number)
            number, shift = 0, 0
    if shift:
        raise ValueError("the last number is cut off")
    return numbers


def folded(number: int) -> int:
    """0, -1, 1, -2 … as 0, 1, 2, 3 …"""
    return number * 2 if number >= 0 else -number * 2 - 1


def unfolded(number: int) -> int:
    """The other way."""
    return number // 2 if number % 2 == 0 else -(number + 1) // 2
