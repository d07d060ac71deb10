"""Quantities of memory and CPU as Kubernetes writes them.

The arithmetic is `kubernetes.utils.quantity.parse_quantity`; this wrapper is the border around it. That parser hands its text to
`Decimal`, which also takes NaN, Infinity, `1_000`, spaces, digits of any script and exponents whose integer would fill the memory.
Here the grammar of apimachinery's resource.Quantity is checked first, and the result is bounded and rounded as `Quantity.Value()`
does it (up; capped at 2^63-1). Source: k8s.io/apimachinery/pkg/api/resource/quantity.go.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from functools import lru_cache

MAX_QUANTITY_LENGTH = 32
"""Longer than any quantity a person or Kubernetes writes (a canonical one has at most 21 characters)."""
MAX_VALUE = 2**63 - 1
"""Kubernetes caps every quantity here."""

QUANTITY_PATTERN = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
"""What a quantity may look like: apimachinery's grammar without a minus sign. RE2 and Python read it alike."""

_GRAMMAR = re.compile(QUANTITY_PATTERN.removeprefix("^").removesuffix("$"), re.ASCII)
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)\Z")
_EXACT = Context(prec=200, Emax=999_999, Emin=-999_999)
_UNITS = ((60, "Ei"), (50, "Pi"), (40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki"))


class QuantityError(ValueError):
    """The text is no quantity; the message says what was found and what was expected."""


def parse_bytes(value: str | int) -> int:
    """Bytes of a memory quantity, rounded up to a whole byte and capped at 2^63-1. Raises QuantityError, and nothing else."""
    return _parse(value, 1, "bytes such as 512Mi, 1.5G or 1073741824")


def parse_millicores(value: str | int) -> int:
    """Thousandths of a core of a CPU quantity (`250m`, `0.5`, `2`), rounded up. Raises QuantityError, and nothing else."""
    return _parse(value, 1000, "a CPU quantity such as 250m, 0.5 or 2")


def format_bytes(size_bytes: int) -> str:
    """The quantity that a person would write: the largest binary unit that is exact (536870912 -> 512Mi, 1.5 GiB -> 1536Mi); where
    that is less than a mebibyte, the largest decimal one from M on (500000000 -> 500M)."""
    if size_bytes < 0:
        raise QuantityError(f"{size_bytes} is negative, expected bytes of at least 0")
    if not size_bytes:
        return "0"
    shift, unit = next((each for each in _UNITS if not size_bytes & ((1 << each[0]) - 1)), (0, ""))
    if shift < 20:
        for power, decimal_unit in ((10**9, "G"), (10**6, "M")):
            if not size_bytes % power:
                return f"{size_bytes // power}{decimal_unit}"
    return f"{size_bytes >> shift}{unit}"


def human_bytes(size_bytes: int) -> str:
    """For sentences, with three significant digits and no exactness: `512Mi`, `1.46Gi`, `-3.2Mi`."""
    sign = "-" if size_bytes < 0 else ""
    magnitude = abs(size_bytes)
    for index, (shift, unit) in enumerate(_UNITS):
        amount = magnitude / (1 << shift)
        if amount < 1:
            continue
        digits = 0 if amount >= 99.95 else 1 if amount >= 9.995 else 2
        if round(amount) >= 1024 and index:  # 1023.9Mi rounds to the next unit
            return f"{sign}1{_UNITS[index - 1][1]}"
        text = f"{amount:.{digits}f}"
        return f"{sign}{text.rstrip('0').rstrip('.') if '.' in text else text}{unit}"
    return f"{sign}{magnitude}"


def _parse(value: str | int, scale: int, expected: str) -> int:
    if isinstance(value, str):
        return _parse_text(value, scale, expected)
    if isinstance(value, bool) or not isinstance(value, int):
        raise QuantityError(f"found {type(value).__name__}, expected {expected}")
    if value < 0:
        raise QuantityError(f"{'a number' if value < -MAX_VALUE else value} is negative, expected {expected}")
    return min(value * scale, MAX_VALUE)


@lru_cache(maxsize=4096)  # a cluster of 150,000 pods has a few hundred different quantities
def _parse_text(text: str, scale: int, expected: str) -> int:
    if len(text) > MAX_QUANTITY_LENGTH or not _GRAMMAR.fullmatch(text):
        raise QuantityError(f"{_shown(text)} is no quantity, expected {expected}")
    exponent = _EXPONENT.search(text)
    if exponent and abs(int(exponent[1])) > 2 * MAX_QUANTITY_LENGTH:
        # Beyond any digits that fit into the text: 0, the least above it, or the cap. No need to build the number.
        if not any(digit in "123456789" for digit in text[: exponent.start()]):
            return 0
        return MAX_VALUE if int(exponent[1]) > 0 else 1
    # Imported here, since the package's __init__ costs 35 MiB, which only a process that reads quantities should pay.
    from kubernetes.utils.quantity import parse_quantity  # noqa: PLC0415

    with localcontext(_EXACT):
        number: Decimal = parse_quantity(text) * scale  # type: ignore[no-untyped-call]
        if number >= MAX_VALUE:
            return MAX_VALUE
        return int(number.to_integral_value(rounding=ROUND_CEILING))


def _shown(text: str) -> str:
    shown = ascii(text[:MAX_QUANTITY_LENGTH])
    return shown if len(text) <= MAX_QUANTITY_LENGTH else f"{shown}... ({len(text)} characters)"
