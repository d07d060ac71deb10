"""The highest usage between two samples, without a sampler that runs faster.

The kernel keeps the highest charge since the cgroup was made. If that rose between two samples, its new value *is* the peak of the
interval; if not, usage stayed at or below the old peak, and the higher of the two samples is the best that can be said.
"""

from __future__ import annotations


def interval_peak(usage_before: int | None, usage: int | None, peak_before: int | None, peak: int | None) -> int | None:
    """Bytes; `*_before` are of the last sample, None at the first. None when nothing is known."""
    if peak is not None and peak_before is not None and peak > peak_before:
        return peak
    known = [value for value in (usage_before, usage) if value is not None]
    return max(known) if known else None


def highest(*values: int | None) -> int | None:
    """The highest of those that are known."""
    known = [value for value in values if value is not None]
    return max(known) if known else None
