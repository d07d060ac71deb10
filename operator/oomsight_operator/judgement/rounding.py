"""Rounding a computed amount up to what a person would write into a manifest."""

from __future__ import annotations

MEBIBYTE = 1024 * 1024
SIGNIFICANT_STEPS = 16
"""At most a sixteenth is added: 65Mi becomes 68Mi, 600Mi becomes 608Mi, 1500Mi becomes 1536Mi."""


def round_up(amount_bytes: int) -> int:
    """Up to the next multiple of a power of two that is a sixteenth to a thirty-second of the amount, at least 1Mi."""
    if amount_bytes <= 0:
        return 0
    step = max(MEBIBYTE, 1 << max(0, (amount_bytes.bit_length() - 1) - (SIGNIFICANT_STEPS.bit_length() - 1)))
    return -(-amount_bytes // step) * step
