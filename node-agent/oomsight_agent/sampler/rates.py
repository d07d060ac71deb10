"""Events per second between two readings of counters."""

from __future__ import annotations

from typing import Final

SHORTEST_SPAN_SECONDS: Final = 0.5
"""Over less than this a single event would look like a storm."""


def rate(before: int | None, now: int | None, span_seconds: float) -> float | None:
    """Events per second; None when either is unknown, the span is too short, or the counter went back (a new cgroup)."""
    if before is None or now is None or now < before or span_seconds < SHORTEST_SPAN_SECONDS:
        return None
    return (now - before) / span_seconds
