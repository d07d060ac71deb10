"""Rounding a computed amount to what a person would write into a manifest."""

from __future__ import annotations

from typing import Final

LARGEST_PAGE_BYTES: Final = 65536
"""Of arm64 and ppc64 kernels; x86 has 4096."""
KIBIBYTE: Final = 1024
MEBIBYTE: Final = 1024 * KIBIBYTE
GIBIBYTE: Final = 1024 * MEBIBYTE

_SMALL_BYTES: Final = 8 * MEBIBYTE
"""Below it whole mebibytes would be too coarse: then quarters of one."""
_FINENESS: Final = 64
"""An amount has so many steps at least, where whole mebibytes allow it: rounding must not cost what the recommender saved."""
_COARSENESS: Final = 16


def round_up(amount_bytes: int) -> int:
    """Up to the next plain number; 0 for nothing."""
    return _up(amount_bytes, _FINENESS)


def round_up_coarsely(amount_bytes: int) -> int:
    """Up to a number of which a sixteenth at most is rounding, for what should not change with every mebibyte; 0 for nothing."""
    return _up(amount_bytes, _COARSENESS)


def round_down_below(amount_bytes: int) -> int:
    """The highest number below it that is as coarse; 0 where there is none."""
    step = _step(amount_bytes, _COARSENESS)
    return max(0, amount_bytes - 1) // step * step


def round_near(amount_bytes: int, least_bytes: int) -> int:
    """The nearest plain number that is not below `least_bytes`: on average it costs nothing. 0 for nothing."""
    if amount_bytes <= 0:
        return 0
    step = _step(amount_bytes, _FINENESS)
    nearest = (amount_bytes + step // 2) // step * step
    return nearest if nearest >= max(1, least_bytes) else round_up(max(amount_bytes, least_bytes))


def _up(amount_bytes: int, fineness: int) -> int:
    if amount_bytes <= 0:
        return 0
    step = _step(amount_bytes, fineness)
    return -(-amount_bytes // step) * step


def _step(amount_bytes: int, fineness: int) -> int:
    """Multiples of what are plain numbers of that size: of 256Ki below 8Mi, of 1Mi up to 128Mi, of 2Mi up to 256Mi, and so on."""
    if amount_bytes < _SMALL_BYTES:
        return 256 * KIBIBYTE
    power_of_two = 1 << (amount_bytes.bit_length() - 1)
    return max(MEBIBYTE, power_of_two // fineness)


def is_same_limit(one_bytes: int, other_bytes: int) -> bool:
    """Whether two tellings are of one limit: the kernel cuts a spec's 500M to whole pages (page_counter_memparse)."""
    return abs(one_bytes - other_bytes) < LARGEST_PAGE_BYTES
