"""Types of the report's fields: each has a bound, so that no agent can make the operator remember or compute without end."""

from __future__ import annotations

from typing import Annotated

import msgspec

MOST = 2**63 - 1
"""Beyond this no counter of a kernel, and no quantity of Kubernetes."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Signed = Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)]
OomScoreAdj = Annotated[int, msgspec.Meta(ge=-1000, le=1000)]
UnixTime = Annotated[float, msgspec.Meta(ge=0, le=253402300799)]
"""Seconds; no calendar goes beyond the year 9999."""
Text = Annotated[str, msgspec.Meta(max_length=1024)]
"""Names of objects and files (NAME_MAX is 255 bytes, escaped at most four times as long), ids, cursors."""
CgroupPath = Annotated[str, msgspec.Meta(max_length=4096)]


class Row(msgspec.Struct, frozen=True):
    """Immutable and slotted; absent fields are left out of the JSON."""
