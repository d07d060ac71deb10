"""How numbers are written in sentences: spans of time, percent, printable ASCII; and short names for long ones. Bytes:
`oomsight_api.quantity.human_bytes`.

Shared by the rules' sentences and the annotations, so that the same number reads the same everywhere.
"""

from __future__ import annotations

import hashlib

from oomsight_api.times import TimeError, format_time


def format_percent(part: int, whole: int) -> str:
    """`92 %`, cut and not rounded, so that `90 %` is never shown for what is below a threshold of 90."""
    return f"{part * 100 // whole} %" if whole > 0 else "all"


def format_span(span_seconds: float) -> str:
    """`45 s`, `12 min`, `5 h`, `3 days`: one unit, rounded down; negative spans (clocks that disagree) count as 0."""
    seconds = max(0, int(span_seconds))
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def printable(text: str, limit: int = 253) -> str:
    """Printable ASCII of a tenant's text, everything else as `\\xNN`, cut to `limit` characters."""
    escaped = "".join(
        character if " " <= character <= "~" and character != "\\" else character.encode("unicode_escape").decode("ascii")
        for character in text[: limit + 1]
    )
    return escaped if len(escaped) <= limit else escaped[: max(0, limit - 3)] + "..."


def short_hash(*parts: str) -> str:
    """16 hexadecimal digits (64 bits) of the parts."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def time_text(time_seconds: float) -> str:
    """RFC 3339; a time that no calendar has is said to be unknown."""
    try:
        return format_time(time_seconds)
    except TimeError:
        return "unknown-time"
