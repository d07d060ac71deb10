"""What a container holds in memory and swap together: no limit is lowered below that.

What the agent calls unreclaimable leaves out what swap could take, since the kernel would swap before it kills. But what is swapped
out comes back into memory when it is touched, and the swap may be full by then, or absent on the next node. So a limit that holds
only as long as swap is there is not proven. Nor is one raised for it: what nobody touches may lie in swap for good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from oomsight_api.quantity import human_bytes
from oomsight_api.report import Memory
from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, MAX_BYTES, PEAK_DAYS
from oomsight_operator.judgement.rounding import round_up

KEEP_HOURS: Final = PEAK_DAYS * HOURS_PER_DAY
"""So long it counts, as a peak does."""
AS_MUCH_SHARE: Final = 0.95
"""Of what is known, how much keeps it young."""


@dataclass(frozen=True, slots=True)
class Swapped:
    """The most that one replica held in memory and swap together, of the last 14 days."""

    hour: int
    """Hours since 1970 in which it held about as much, a day late at most."""
    held_bytes: int
    swap_bytes: int
    """What of it was swapped out."""


def swapped_in(memory: Memory, hour: int) -> Swapped | None:
    """Of one sample; None where nothing is swapped out, nor could be."""
    anon, shmem, swap = memory.anon_bytes, memory.shmem_bytes, memory.swap_bytes or 0
    if anon is None or shmem is None or memory.unreclaimable_bytes is None:
        return None
    if not swap and anon + shmem <= memory.unreclaimable_bytes:
        return None
    held = max(memory.unreclaimable_bytes, anon + shmem + _kernel_bytes(memory)) + swap
    return Swapped(hour, min(held, MAX_BYTES), min(swap, MAX_BYTES))


def most_of(known: Swapped | None, now: Swapped | None) -> Swapped | None:
    """Take in what one replica holds now; the same object where it tells nothing new."""
    if now is None:
        return known
    if known is None or now.hour - known.hour > KEEP_HOURS or now.held_bytes > known.held_bytes:
        return now
    is_as_much = now.held_bytes >= known.held_bytes * AS_MUCH_SHARE
    return replace(known, hour=now.hour) if is_as_much and now.hour - known.hour >= HOURS_PER_DAY else known


def counted(known: Swapped | None, hour: int) -> Swapped | None:
    """As long as it counts."""
    return known if known is not None and hour - known.hour <= KEEP_HOURS else None


def not_lowered(amount: int, current: int | None, known: Swapped | None) -> tuple[int, str]:
    """The limit and why; where there is none today, none is set below what was held either."""
    if known is None or amount >= known.held_bytes or (current is not None and amount >= current):
        return amount, ""
    kept = round_up(known.held_bytes) if current is None else min(current, round_up(known.held_bytes))
    held = f"it held {human_bytes(known.held_bytes)} in memory and swap together, {human_bytes(known.swap_bytes)} of it swapped out"
    return kept, (
        f"by what was seen {human_bytes(amount)} would do, but {held}: that comes back when it is touched, and a"
        " limit which holds only while there is swap is not proven"
    )


def _kernel_bytes(memory: Memory) -> int:
    """Kernel memory that cannot be reclaimed, as the agent counts it: cgroup v1 has no split, and does not charge sockets here."""
    kernel = memory.kernel_bytes or 0
    if memory.slab_reclaimable_bytes is None:
        return kernel
    return max(0, kernel - memory.slab_reclaimable_bytes) + (memory.sock_bytes or 0)
