"""The two shapes that most kernel files have: one decimal number, and lines of `key value`."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

from oomsight_agent.kernel.problem import Problem, problem

MAX_DIGITS: Final = 20
"""2^64 has 20 digits: more is no counter of any kernel."""


class NoLimit(Enum):
    """The word `max` where a number could stand: known to be no limit, which is not the same as unknown."""

    MAX = "max"


MAX: Final = NoLimit.MAX


def parse_number(data: bytes) -> int | Problem:
    """One non-negative decimal number: `12783616\\n`."""
    text = data.strip()
    if text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
    return problem("a decimal number", data)


def parse_signed_number(data: bytes) -> int | Problem:
    """One decimal number that may be negative: `-998\\n` (oom_score_adj)."""
    text = data.strip()
    if text.removeprefix(b"-").isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
    return problem("a decimal number", data)


def parse_number_or_max(data: bytes) -> int | Literal[NoLimit.MAX] | Problem:
    """A v2 limit: `268435456\\n`, or `max\\n` for no limit."""
    if data.strip() == b"max":
        return MAX
    number = parse_number(data)
    return problem("a decimal number or 'max'", data) if isinstance(number, Problem) else number


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
    if text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
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
    if text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text) * 1024
    return problem(f"a number of kB after {needle.strip().decode('ascii')!r}", line)
