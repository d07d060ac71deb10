"""Rates and percentages of a report as numbers that can be calculated with: a node may tell anything."""

from __future__ import annotations

import math
from typing import Final

MAX_RATE: Final = 1e9
"""Events a second: no kernel does more, and no sentence should show more."""


def finite(value: float | None, most: float = MAX_RATE) -> float | None:
    """`value`, at most `most`; None where it is unknown, negative or no number."""
    if value is None or not math.isfinite(value) or value < 0:
        return None
    return min(value, most)
