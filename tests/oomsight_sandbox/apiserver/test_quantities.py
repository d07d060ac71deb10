"""Quantities as decimals."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.apiserver.quantities import parse_quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", "1"), ("512Mi", "536870912"), ("1.5Gi", "1610612736"), ("100m", "0.1"), ("2k", "2000"),
        ("1e3", "1000"), ("1E3", "1000"),
        ("1E", "1000000000000000000"), ("-1", "-1"), (".5", "0.5"), (3, "3"),
    ],
)  # fmt: skip
def test_quantities_are_read_exactly(text: object, amount: str) -> None:
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "Mi", "1 Gi", "1gi", "1KiB", "0x10", "1..2", None, "1e9999", "Infinity", "٣"])
def test_what_is_no_quantity_is_none(text: object) -> None:
    assert parse_quantity(text) is None


@given(st.integers(min_value=0, max_value=2**62), st.sampled_from(["", "Ki", "Mi", "k", "M"]))
def test_a_bigger_number_is_a_bigger_quantity(number: int, suffix: str) -> None:
    smaller, bigger = parse_quantity(f"{number}{suffix}"), parse_quantity(f"{number + 1}{suffix}")
    assert smaller is not None
    assert bigger is not None
    assert smaller < bigger
