"""Go: GOMEMLIMIT, a soft bound on what the Go runtime holds: heap, stacks and its own structures.

Digits and B, KiB, MiB, GiB, TiB, or none of these, or `off`; anything else ends the program at its start. Unset, or the largest
number of 64 bits: nothing bounds it. It may be exceeded where all of it is live, so 0 bounds nothing either. Source: Go's runtime
documentation and mgcpacer.go readGOMEMLIMIT; checked with Go 1.19.
"""

from __future__ import annotations

import re
from typing import Final

from oomsight_operator.judgement.runtime.amounts import amount, times
from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.jvm import NOT_IN_SPEC
from oomsight_operator.judgement.runtime.marks import UNKNOWN
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share

NAME: Final = "GOMEMLIMIT"
_UNBOUNDED: Final = frozenset({"", "off", str((1 << 63) - 1)})
_UNITS: Final = {None: 1, "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_FORM: Final = re.compile(r"(.*?)(B|KiB|MiB|GiB|TiB)?", re.ASCII | re.DOTALL)


def go_heap(start: Start) -> HeapSetting | None:
    """None where GOMEMLIMIT bounds nothing."""
    text = start.variables.get(NAME, "")
    if text in _UNBOUNDED:
        return None
    match = _FORM.fullmatch(text)
    size = times(amount(match[1]), _UNITS[match[2]]) if match is not None and not match[1].lower().startswith("0x") else None
    if size is None:
        return HeapSetting(Runtime.GO, NAME, doubt=NOT_IN_SPEC if UNKNOWN in text else "whose value does not parse")
    if size.number == 0:
        return None
    if size.of_limit and start.limit_bytes:
        return HeapSetting(Runtime.GO, NAME, share=Share(100 * size.number / start.limit_bytes))
    return HeapSetting(Runtime.GO, NAME, fixed_bytes=size.number)
