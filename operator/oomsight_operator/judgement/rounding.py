"""Rounding a computed amount up to what a person would write into a manifest."""

from __future__ import annotations

from typing import Final

LARGEST_PAGE_BYTES: Final = 65536
"""Of arm64 and ppc64 kernels; x86 has 4096."""
MEBIBYTE: Final = 1024 * 1024
GIBIBYTE: Final = 1024 * MEBIBYTE

_STEPS: Final = (
    (32 * MEBIBYTE, 2 * MEBIBYTE),
    (64 * MEBIBYTE, 4 * MEBIBYTE),
    (256 * MEBIBYTE, 8 * MEBIBYTE),
    (512 * MEBIBYTE, 16 * MEBIBYTE),
    (GIBIBYTE, 32 * MEBIBYTE),
    (4 * GIBIBYTE, 64 * MEBIBYTE),
    (16 * GIBIBYTE, 256 * MEBIBYTE),
)
"""Up to an amount, the step whose multiples are used: 72Mi and not 65Mi, 1536Mi and not 1500Mi. Above 16Mi an eighth is added at
most, in most cases a sixteenth: rounding must not cost what the recommender saved."""
_LARGEST_STEP: Final = GIBIBYTE


def round_up(amount_bytes: int) -> int:
    """Up to the next multiple of the step for that size; 0 for nothing."""
    if amount_bytes <= 0:
        return 0
    step = next((step for most, step in _STEPS if amount_bytes <= most), _LARGEST_STEP)
    return -(-amount_bytes // step) * step


def is_same_limit(one_bytes: int, other_bytes: int) -> bool:
    """Whether two tellings are of one limit: the kernel cuts a spec's 500M to whole pages (page_counter_memparse)."""
    return abs(one_bytes - other_bytes) < LARGEST_PAGE_BYTES
