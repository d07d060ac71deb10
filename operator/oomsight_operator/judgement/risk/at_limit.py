"""Whether usage, page cache included, stands at a limit: then reclaim takes from this container, and that limit is why.

The kernel reclaims when a charge would go over the limit, some pages at a time, and each CPU holds up to 64 pages in advance
(mm/memcontrol.c, try_charge_memcg): usage stands a little below. Elsewhere reclaim is the node's doing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from oomsight_api.quantity import human_bytes
from oomsight_api.report import Memory
from oomsight_operator.judgement.risk.subject import Subject

AT_LIMIT_PERCENT: Final = 95
"""A choice: the highest usage of a container of 48Mi that lives from page cache was measured at 99 %."""
_OF_POD: Final = "its pod's limit"


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit that was reached."""

    whose: str
    """`its limit`, `its memory.high`, `its pod's limit`."""
    limit_bytes: int

    @property
    def is_of_pod(self) -> bool:
        """Not the container's own."""
        return self.whose == _OF_POD

    def __str__(self) -> str:
        return f"{self.whose} {human_bytes(self.limit_bytes)}"


def bound_reached(subject: Subject) -> Bound | None:
    """The limit that usage stands at, the container's own first; None where it stands at none, or that is unknown."""
    for whose, memory, limit in _bounds(subject):
        if limit is not None and limit > 0 and _most_held(memory) * 100 >= limit * AT_LIMIT_PERCENT:
            return Bound(whose, limit)
    return None


def _most_held(memory: Memory) -> int:
    """0 where usage is unknown."""
    return max(memory.usage_bytes or 0, memory.peak_interval_bytes or 0)


def _bounds(subject: Subject) -> Iterator[tuple[str, Memory, int | None]]:
    yield "its memory.high", subject.memory, subject.memory.high_bytes
    yield "its limit", subject.memory, subject.limit_bytes
    if subject.pod_row is not None:
        yield _OF_POD, subject.pod_row.memory, subject.pod_row.memory.limit_bytes
