"""The least limit in which a container starts at all, whatever its program needs.

The runtime sets up a container from inside its cgroup, before the program runs: runc was killed there at 4 to 10 MiB
(opencontainers/runc#1980, moby/moby#41167), and CRI-O refuses less than 12 MiB unless it is configured otherwise
(`container_min_memory`; cri-o/cri-o#2531, #7832). No sample shows that memory: it is gone when the program starts.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.rounding import MEBIBYTE

STARTABLE: Final = "Startable"
"""Rule of the step that leaves so much."""
STARTABLE_BYTES: Final = 12 * MEBIBYTE


def startable(amount: int, current: int | None) -> tuple[int, str]:
    """A limit in force is lowered no further, and none is set below; one that is lower already works, as it seems, and stays."""
    least = STARTABLE_BYTES if current is None else min(current, STARTABLE_BYTES)
    if amount >= least:
        return amount, ""
    words = human_bytes(STARTABLE_BYTES)
    why = f"runc needs up to 10Mi to start a container, and CRI-O refuses less than {words}"
    if current is None:
        return least, f"no less than {words}: {why}"
    if current <= STARTABLE_BYTES:
        return least, f"not below today's limit {human_bytes(current)}: {why}"
    return least, f"not lowered below {words}: {why}"
