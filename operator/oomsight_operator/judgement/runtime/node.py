"""Node.js: V8's old space.

`--max-old-space-size=MiB` (V8 takes `-` and `_` for the same), the last one counts, 0 or nothing is none; the command line beats
NODE_OPTIONS. Source: Node's doc/api/cli.md; checked with Node 20. The young generation (three parts of 16 MiB each) and what is
outside of V8 come on top. Without it about half of the memory found, 256 MiB at least, 2 GiB at most and 4 GiB from 15 GiB on
(heap.cc HeapSizeFromPhysicalMemory; measured with Node 20.20, which finds the limit in a cgroup; v2 from 20.3 on).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from oomsight_operator.judgement.rounding import GIBIBYTE, MEBIBYTE
from oomsight_operator.judgement.runtime.amounts import amount, times
from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.jvm import NOT_IN_SPEC
from oomsight_operator.judgement.runtime.launch import launched
from oomsight_operator.judgement.runtime.marks import UNKNOWN
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share
from oomsight_operator.judgement.runtime.splitting import node_words, own_options

FLAG: Final = "--max-old-space-size"
DEFAULT: Final = Share(50.0, least_bytes=256 * MEBIBYTE, most=((15 * GIBIBYTE, 2 * GIBIBYTE), (1 << 61, 4 * GIBIBYTE)))
_WITH_VALUE: Final = frozenset(
    {"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file"}
)
_MAX_WORDS: Final = 2000


def node_heap(start: Start) -> HeapSetting | None:
    """None where nothing in the spec says that it is Node.js."""
    line = launched(start, "node")
    options = start.variables.get("NODE_OPTIONS")
    if line is None and options is None:
        return None
    in_options = _last(node_words(options or ""))
    on_line = _last(_options(line or ()))
    text, where = (on_line, "on the command line") if on_line is not None else (in_options, "in NODE_OPTIONS")
    if text in (None, "", "0"):
        if line is None or start.from_elsewhere:
            return HeapSetting(Runtime.NODE, "", explicit=False, doubt=NOT_IN_SPEC)
        return HeapSetting(Runtime.NODE, "Node.js's default", share=DEFAULT, explicit=False)
    where = f"{FLAG} {where}"
    text = text or ""
    size = times(amount(text), MEBIBYTE) if not text.lower().startswith("0x") else None
    if size is None:
        return HeapSetting(Runtime.NODE, where, doubt=NOT_IN_SPEC if UNKNOWN in text else "whose value does not parse")
    if size.of_limit and start.limit_bytes:
        return HeapSetting(Runtime.NODE, where, share=Share(100 * size.number / start.limit_bytes))
    return HeapSetting(Runtime.NODE, where, fixed_bytes=size.number)


def _options(words: Iterable[str]) -> tuple[str, ...]:
    """Up to the script; what follows it is the program's own."""
    return own_options(words, lambda word: not word.startswith(("-", UNKNOWN)) or word == "--", _WITH_VALUE)


def _last(words: tuple[str, ...]) -> str | None:
    """The flag's last value; UNKNOWN where an option that cannot be seen stands behind it."""
    found = None
    for word in words[:_MAX_WORDS]:
        name, _, value = word.partition("=")
        if word.startswith(UNKNOWN):
            found = UNKNOWN
        elif name.replace("_", "-") in (FLAG, FLAG[1:]):
            found = value
    return found
