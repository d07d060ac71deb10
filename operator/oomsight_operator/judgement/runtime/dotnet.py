""".NET: the garbage collector's hard limit.

Variables, numbers in hexadecimal with or without `0x` (so 536870912 means 20.9 GiB): DOTNET_GCHeapHardLimit, else
DOTNET_GCHeapHardLimitPercent, from 1 to 99; the prefix COMPlus_ where DOTNET_ has none. Without them, in a container with a limit:
75 % of it, 20 MiB at least. Bounds of parts of the heap (DOTNET_GCHeapHardLimitSOH and others) beat all of these. Source: the .NET
documentation, "Runtime configuration options for garbage collection"; gc.cpp compute_hard_limit. A runtimeconfig.json in the image
may set the same, which nobody can see from here.
"""

from __future__ import annotations

import re
from typing import Final

from oomsight_operator.judgement.rounding import MEBIBYTE
from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.jvm import NOT_IN_SPEC
from oomsight_operator.judgement.runtime.launch import launched
from oomsight_operator.judgement.runtime.marks import OF_LIMIT, UNKNOWN
from oomsight_operator.judgement.runtime.setting import MOST_BYTES, HeapSetting, Runtime, Share

DEFAULT: Final = Share(75.0, least_bytes=20 * MEBIBYTE)
_PREFIXES: Final = ("DOTNET_", "COMPlus_")
_LIMIT: Final = "GCHeapHardLimit"
_PERCENT: Final = "GCHeapHardLimitPercent"
_PARTS: Final = ("SOH", "LOH", "POH", "SOHPercent", "LOHPercent", "POHPercent")
_MARKS: Final = ("gcServer", "gcConcurrent", "GCHeapCount", "GCConserveMemory", "GCgen0size")
_HEXADECIMAL: Final = re.compile(rf"{OF_LIMIT}?(?:0[xX])?([0-9a-fA-F]{{1,16}}){OF_LIMIT}?", re.ASCII)


def dotnet_heap(start: Start) -> HeapSetting | None:
    """None where nothing in the spec says that it is .NET."""
    return _parts(start) or _whole(start) or _percent(start) or _default(start)


def _whole(start: Start) -> HeapSetting | None:
    where, number, doubt = _number(start, _LIMIT, MOST_BYTES)
    return HeapSetting(Runtime.DOTNET, where, fixed_bytes=number, doubt=doubt) if where and number != 0 else None


def _percent(start: Start) -> HeapSetting | None:
    where, number, doubt = _number(start, _PERCENT, 99)
    share = Share(float(number)) if number is not None else None
    return HeapSetting(Runtime.DOTNET, where, share=share, doubt=doubt) if where and number != 0 else None


def _parts(start: Start) -> HeapSetting | None:
    """Bounds of the heap's parts stand for the whole, and the collector heeds no other."""
    where = next((where for part in _PARTS if (where := _variable(start, _LIMIT + part)[0])), "")
    return HeapSetting(Runtime.DOTNET, where, doubt="which bounds parts of it alone") if where else None


def _default(start: Start) -> HeapSetting | None:
    if launched(start, "dotnet") is None and not any(_variable(start, mark)[0] for mark in _MARKS):
        return None
    if start.from_elsewhere:
        return HeapSetting(Runtime.DOTNET, "", explicit=False, doubt=NOT_IN_SPEC)
    doubt = "unless its runtimeconfig.json says otherwise"
    return HeapSetting(Runtime.DOTNET, ".NET's default", share=DEFAULT, explicit=False, doubt=doubt)


def _number(start: Start, name: str, most: int) -> tuple[str, int | None, str]:
    """Which variable sets it, what it says, and why not where that cannot be read."""
    where, text = _variable(start, name)
    match = _HEXADECIMAL.fullmatch(text)
    number = int(match[1], 16) if match is not None else None
    if number is not None and number > most:
        number = None
    doubt = "" if number is not None else NOT_IN_SPEC if UNKNOWN in text else "whose value does not parse"
    return (f"{where}, read as hexadecimal" if where else ""), number, doubt


def _variable(start: Start, name: str) -> tuple[str, str]:
    """Which variable sets it, and its text; empty where none does."""
    for prefix in _PREFIXES:
        if prefix + name in start.variables:
            return prefix + name, start.variables[prefix + name]
    return "", ""
