"""`/proc/PID/oom_score`: `666`. By it this kernel's arithmetic is found out: whether oom_badness is signed.

- Signed (5.9 on, and where it was backported): `(1000 + badness * 1000 / totalpages) * 2 / 3`, 0 for an exempt process.
- Before: `badness * 1000 / totalpages`, where a badness that is not above 0 counts as 1.

All in C's integers, which divide towards 0. A release does not tell which one a kernel has: distributions backported the change,
and not all of them. Sources: fs/proc/base.c (proc_oom_score), mm/oom_kill.c (oom_badness), commit 9066e5cfb73c.
"""

from __future__ import annotations

from dataclasses import replace

from oomsight_agent.kernel.files import read_value
from oomsight_agent.kernel.numbers import parse_number, parse_oom_score_adj
from oomsight_agent.kernel.process import ProcessStatus, badness_points, parse_resident_pages, parse_status
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors


def read_signed_badness(proc_root: str, errors: ReadErrors, total_pages: int | None, page_size_bytes: int) -> bool | None:
    """What this process' own score says; None where it fits both kinds of arithmetic, neither, or cannot be read."""

    def read_status() -> ProcessStatus | None:
        status = read_value(errors, FileKind.PROCESS_STATUS, parse_status, f"{proc_root}/self/status")
        resident = read_value(errors, FileKind.PROCESS_STAT, parse_resident_pages, f"{proc_root}/self/stat")
        return status if status is None or resident is None else replace(status, rss_bytes=resident * page_size_bytes)

    before = read_status()
    score = read_value(errors, FileKind.PROCESS_OOM_SCORE, parse_number, f"{proc_root}/self/oom_score")
    adj = read_value(errors, FileKind.PROCESS_OOM_SCORE_ADJ, parse_oom_score_adj, f"{proc_root}/self/oom_score_adj")
    after = read_status()
    if before is None or after is None or score is None or total_pages is None:
        return None
    points = [badness_points(status, adj, total_pages, page_size_bytes) for status in (before, after)]
    known = [value for value in points if value is not None]
    return is_signed(score, min(known), max(known), total_pages) if len(known) == len(points) else None


def is_signed(score: int, least_points: int, most_points: int, total_pages: int) -> bool | None:
    """Which arithmetic makes `score` of some badness from `least_points` to `most_points`; None for both or neither."""
    if total_pages <= 0:
        return None
    signed = _signed_score(least_points, total_pages) <= score <= _signed_score(most_points, total_pages)
    clamped = _clamped_score(least_points, total_pages) <= score <= _clamped_score(most_points, total_pages)
    return None if signed == clamped else signed


def _signed_score(points: int, total_pages: int) -> int:
    return _divide((1000 + _divide(points * 1000, total_pages)) * 2, 3)


def _clamped_score(points: int, total_pages: int) -> int:
    return max(points, 1) * 1000 // total_pages


def _divide(dividend: int, divisor: int) -> int:
    """As C does it: towards 0."""
    quotient = abs(dividend) // divisor
    return quotient if dividend >= 0 else -quotient
