"""Amounts and names out of the log, with their bounds: what no machine has is unknown."""

from __future__ import annotations

from typing import Final

from oomsight_agent.kernel.numbers import MOST_COUNTED
from oomsight_agent.kernel.problem import printable

MOST_NAME: Final = 64
MOST_PATH: Final = 4096


def kilobytes(digits: bytes) -> int | None:
    """Bytes of a number of kB."""
    return bounded(int(digits) * 1024)


def bounded(value: int) -> int | None:
    """None beyond what any machine has, such as the word for no limit (about 2^63)."""
    return value if 0 <= value <= MOST_COUNTED else None


def bounded_name(raw: bytes) -> str:
    """A process name; the kernel's are at most 15 bytes."""
    return printable(raw[:MOST_NAME])[: 4 * MOST_NAME]


def bounded_path(raw: bytes | None) -> str | None:
    """A cgroup path, cut where the report's field ends."""
    return None if raw is None else printable(raw[:MOST_PATH])[:MOST_PATH]
