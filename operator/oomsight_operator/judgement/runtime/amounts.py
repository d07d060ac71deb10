"""Amounts as runtimes write them, with what is only known to be the container's limit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from oomsight_operator.judgement.runtime.marks import OF_LIMIT
from oomsight_operator.judgement.runtime.setting import MOST_BYTES

MAX_DIGITS: Final = 20
_DECIMAL: Final = re.compile(rf"({OF_LIMIT}?)([0-9]{{1,{MAX_DIGITS}}}){OF_LIMIT}?", re.ASCII)
_HEXADECIMAL: Final = re.compile(rf"0[xX]([0-9a-fA-F]{{1,{MAX_DIGITS}}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, and whether it is made of the container's limit."""

    number: int
    of_limit: bool = False


def amount(text: str, *, hexadecimal: bool = False) -> Amount | None:
    """Digits, in decimal or behind `0x`; None where it is something else, not known, or more than any machine has."""
    match = _HEXADECIMAL.fullmatch(text)
    if match is not None:
        return _bounded(Amount(int(match[1], 16)))
    match = _DECIMAL.fullmatch(text)
    return _bounded(Amount(int(match[2], 10), bool(match[1]))) if match is not None else None


def times(found: Amount | None, unit: int) -> Amount | None:
    """In a larger unit."""
    return _bounded(Amount(found.number * unit, found.of_limit)) if found is not None else None


def _bounded(found: Amount) -> Amount | None:
    return found if found.number <= MOST_BYTES else None
