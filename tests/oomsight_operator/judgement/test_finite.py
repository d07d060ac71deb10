"""Numbers of a report that can be calculated with."""

from __future__ import annotations

import math

import pytest

from oomsight_operator.judgement.finite import MAX_RATE, finite


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, -0.1])
def test_what_is_no_amount_is_unknown(value: float | None) -> None:
    assert finite(value) is None


def test_an_amount_is_bounded() -> None:
    assert finite(12.5) == 12.5
    assert finite(0.0) == 0.0
    assert finite(1e300) == MAX_RATE
    assert finite(250.0, 100.0) == 100.0
