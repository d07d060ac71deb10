"""The two shapes that most kernel files have: one decimal number, and lines of `key value`."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

from oomsight_agent.kernel.problem import Problem, problem

MOST_COUNTED: Final = 1 << 60
"""An exbibyte, or as many events: no machine gets there. What says more is broken, and sums of a few must fit into the report."""

MOST_LIMIT: Final = (1 << 63) - 1
"""A limit may be set, or mean that there is none, far beyond what any machine has."""

_MOST_DIGITS: Final = 19


class NoLimit(Enum):
    """The word `max` where a number could stand: known to be no limit, which is not the same as unknown."""

    MAX = "max"


MAX: Final = NoLimit.MAX


def parse_number(data: bytes) -> int | Problem:
    """One non-negative decimal number: `12783616\\n`."""
    number = _decimal(data.strip(), MOST_COUNTED)
    return problem("a decimal number", data) if number is None else number


def parse_limit(data: bytes) -> int | Problem:
    """A v1 limit: `268435456\\n`; about 2^63 where there is none."""
    number = _decimal(data.strip(), MOST_LIMIT)
    return problem("a decimal number", data) if number is None else number


def parse_limit_or_max(data: bytes) -> int | Literal[NoLimit.MAX] | Problem:
    """A v2 limit: `268435456\\n`, or `max\\n` for no limit."""
    if data.strip() == b"max":
        return MAX
    number = _decimal(data.strip(), MOST_LIMIT)
    return problem("a decimal number or 'max'", data) if number is None else number


def parse_oom_score_adj(data: bytes) -> int | Problem:
    """`-998\\n`: from -1000 to 1000 (include/uapi/linux/oom.h)."""
    text = data.strip()
    number = _decimal(text.removeprefix(b"-"), 1000)
    if number is None:
        return problem("a number from -1000 to 1000", data)
    return -number if text.startswith(b"-") else number


def _decimal(text: bytes, most: int) -> int | None:
    if not text.isdigit() or len(text) > _MOST_DIGITS:
        return None
    number = int(text)
    return number if number <= most else None


def find_number(data: bytes, needle: bytes) -> int | Problem | None:
    """The number after `needle` (a newline, the key and its separator) in `data`, which must begin with a newline.

    Searching the few keys that are wanted costs half of splitting the whole file. None where the key is absent; the first wins.
    """
    at = data.find(needle)
    if at < 0:
        return None
    start = at + len(needle)
    end = data.find(b"\n", start)
    text = data[start:] if end < 0 else data[start:end]
    number = _decimal(text, MOST_COUNTED)
    if number is not None:
        return number
    return problem(f"a decimal number after {needle.strip().decode('ascii')!r}", text)


def find_kilobytes(data: bytes, needle: bytes) -> int | Problem | None:
    """Bytes of a line such as `MemTotal:       24684084 kB`; `needle` is `\\nMemTotal:`. Otherwise as `find_number`."""
    at = data.find(needle)
    if at < 0:
        return None
    start = at + len(needle)
    end = data.find(b"\n", start)
    line = data[start:] if end < 0 else data[start:end]
    text = line.strip().removesuffix(b" kB")
    number = _decimal(text, MOST_COUNTED // 1024)
    if number is not None:
        return number * 1024
    return problem(f"a number of kB after {needle.strip().decode('ascii')!r}", line)
