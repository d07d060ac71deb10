"""Times on the wire: RFC 3339 in UTC, whole seconds, as `metav1.Time` has them. Unix seconds inside."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST, _GREATEST = -62_135_596_800, 253_402_300_799  # years 1 to 9999


class TimeError(ValueError):
    """The text is no RFC 3339 time; the message says what was found."""


def format_time(time_seconds: float) -> str:
    """`2026-03-01T10:00:00Z`; fractions are cut, as metav1.Time does. Raises TimeError outside the years 1 to 9999."""
    if not math.isfinite(time_seconds) or not _LEAST <= time_seconds <= _GREATEST:
        raise TimeError(f"{time_seconds} is no time in Unix seconds between the years 1 and 9999")
    return (_EPOCH + timedelta(seconds=math.floor(time_seconds))).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def parse_time(text: str) -> float:
    """Unix seconds of an RFC 3339 time with any offset and up to nanoseconds. Raises TimeError, and nothing else."""
    if len(text) <= 40 and _RFC3339.fullmatch(text):
        try:
            return (datetime.fromisoformat(text.upper()) - _EPOCH).total_seconds()
        except (ValueError, OverflowError):
            pass
    raise TimeError(f"{text[:40]!a} is no time, expected RFC 3339 such as 2026-03-01T10:00:00Z")
