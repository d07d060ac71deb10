"""What a heap that flags set makes of a recommended limit.

Measured use says only what the heap was allowed. So two things are told apart: what is proven to be needed, and what the heap may
grow to.

A fixed heap (`-Xmx`):

- Where measurement asks for as much as the heap may have, the heap is taken to fill it: the limit leaves room for all of it and for
  what is outside of it.
- So where it was killed by the limit before the heap was full: the runtime does not know the limit, and goes on growing. But
  feedback never goes beyond twice the limit that killed; where that does not hold the heap, the heap is to be set first.
- Where measurement asks for less, no limit is raised for what nobody saw. But none is lowered below what the heap may grow to
  either: the runtime does not know the limit, and does not collect more as it comes near.

What is outside: what was held above the heap's most, at least; but nobody knows how full the heap was then, so no less is assumed
than a quarter of what was held, or of a whole heap (a choice: .NET leaves that share of a limit by default). For Go a tenth of its
bound (Go's guide to its garbage collector: 5 to 10 %), 12 MiB at least: a program that allocates fast overshoots a bound of 32 MiB
by 6 MiB, and one of 96 MiB by 10 (measured with Go 1.19 on two busy cores).

A heap that is a share of the limit shrinks with it, into java.lang.OutOfMemoryError: no limit is lowered below the one in which the
heap may be as large as it can have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.recommend.context import Context, blamed
from oomsight_operator.judgement.rounding import MEBIBYTE, round_up
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share

FLAG: Final = {
    Runtime.JVM: "-Xmx",
    Runtime.NODE: "--max-old-space-size",
    Runtime.DOTNET: "DOTNET_GCHeapHardLimit",
    Runtime.GO: "GOMEMLIMIT",
}
"""What sets a fixed heap."""
GO_LEAST_BYTES: Final = 12 * MEBIBYTE
MOST_FEEDBACK: Final = 2
"""So many times the limit that killed is recommended after kills at most."""


def typed(heap_bytes: int, runtime: Runtime) -> str:
    """The flag that sets a fixed heap, as it is typed: down to whole mebibytes."""
    mebibytes = heap_bytes >> 20
    texts = {
        Runtime.JVM: f"-Xmx{mebibytes}m",
        Runtime.NODE: f"--max-old-space-size={mebibytes}",
        Runtime.DOTNET: f"DOTNET_GCHeapHardLimit=0x{mebibytes << 20:X}",
        Runtime.GO: f"GOMEMLIMIT={mebibytes}MiB",
    }
    return texts[runtime]


@dataclass(frozen=True, slots=True)
class Heap:
    """A container's heap, and what was seen of the whole container."""

    setting: HeapSetting
    memory_bytes: int | None = None
    """What the runtime finds now: the limit, or the node's memory where there is none."""
    held_bytes: int = 0
    """The most that was held: seen, or at a kill by the limit."""
    killing_bytes: int | None = None
    """The limit that killed this replica last, with this heap, while that still counts."""
    killed_at_bytes: int | None = None
    """The same of any replica."""

    @property
    def most_bytes(self) -> int | None:
        """How large it may get whatever the limit is; None where it follows the limit, or is unknown."""
        return None if self.setting.follows_limit else self.setting.heap_bytes(self.memory_bytes)

    @property
    def outside_bytes(self) -> int:
        """What a fixed heap needs beside it."""
        most = self.most_bytes or 0
        if self.setting.runtime is Runtime.GO:
            return max(most // 10, GO_LEAST_BYTES)
        return max(self.held_bytes - most, min(self.held_bytes, most) // 4)

    @property
    def needed_bytes(self) -> int | None:
        """The least limit that a whole fixed heap and what is outside of it fit into."""
        return self.most_bytes + self.outside_bytes if self.most_bytes is not None else None

    @property
    def outside_words(self) -> str:
        """Why so much."""
        room, held = human_bytes(self.outside_bytes), human_bytes(self.held_bytes)
        if self.setting.runtime is Runtime.GO:
            small = f", {human_bytes(GO_LEAST_BYTES)} at least" if self.outside_bytes == GO_LEAST_BYTES else ""
            return f"{room} beside it (a tenth, as Go's guide has it{small})"
        most = self.most_bytes or 0
        if self.held_bytes < most:
            return f"{room} beside it (assumed: a quarter of the {held} that it held at most)"
        if self.held_bytes - most < self.outside_bytes:
            return f"{room} beside it (assumed: a quarter of a full heap; it held {held} in all)"
        return f"{room} beside it (it held {held})"

    @property
    def source(self) -> str:
        """What sets it, for parentheses."""
        node = ", of the node's memory as -XX:-UseContainerSupport asks" if self.setting.of_node else ""
        return f"{self.setting.where}{node}" + (f", {self.setting.doubt}" if self.setting.doubt else "")

    def share_words(self, limit_bytes: int) -> str:
        """The same of a share, with what it makes of a limit."""
        share = self.setting.share
        return f"{share.words(limit_bytes)}: {self.source}" if share is not None else self.source


def heap_in(context: Context, peak_bytes: int | None, killing_bytes: int | None) -> Heap | None:
    """None where nothing is known of a heap. `killing_bytes`: of any replica; an earlier one may have had another heap."""
    if context.heap is None:
        return None
    limits = (context.limit_bytes, context.pod_limit_bytes, context.node_memory_bytes)
    found = next((each for each in limits if each is not None), None)
    memory = context.node_memory_bytes if context.heap.of_node else found
    own = blamed(context.kills, context.pod_limit_bytes) if killing_bytes is not None else ()
    held = max(peak_bytes or 0, killing_bytes or 0)
    return Heap(context.heap, memory, held, own[-1].limit_bytes if own else None, killing_bytes)


def least_bytes(heap: Heap | None, asked_bytes: int) -> int:
    """What the heap asks of any limit where the container is taken to fill it, `asked_bytes` being measured; else 0."""
    if heap is None or heap.most_bytes is None or heap.needed_bytes is None:
        return 0
    grew = heap.killed_at_bytes is not None and heap.needed_bytes <= MOST_FEEDBACK * heap.killed_at_bytes
    return heap.needed_bytes if grew or asked_bytes >= heap.most_bytes else 0


def with_room(amount: int, heap: Heap | None, asked_bytes: int) -> tuple[int, str]:
    """Raised where the heap may be full, and then more is needed than was seen."""
    least = least_bytes(heap, asked_bytes)
    if heap is None or heap.most_bytes is None or amount >= least:
        return amount, ""
    why = f"its heap may grow to {human_bytes(heap.most_bytes)} ({heap.source}), and needs {heap.outside_words}"
    early = heap.killed_at_bytes is not None and heap.killed_at_bytes < heap.most_bytes
    return least, f"{why}; it was killed on the way there" if early else why


def not_lowered(amount: int, current: int | None, heap: Heap | None) -> tuple[int, str]:
    """A limit in force is lowered no further than the heap lets it; where there was none, none is set below that."""
    if heap is None or (current is not None and amount >= current):
        return amount, ""
    if heap.setting.hidden:
        if current is None or not heap.setting.explicit:
            return amount, ""
        return current, f"not lowered: what its heap may grow to is not known ({heap.source})"
    if heap.setting.follows_limit and heap.setting.share is not None:
        return _not_shrunk(amount, current, heap, heap.setting.share)
    return _not_below_heap(amount, current, heap)


def _not_below_heap(amount: int, current: int | None, heap: Heap) -> tuple[int, str]:
    most, needed = heap.most_bytes, heap.needed_bytes
    if most is None or needed is None or needed <= amount:
        return amount, ""
    kept = round_up(needed) if current is None else min(current, round_up(needed))
    why = f"by what was seen {human_bytes(amount)} would do, but its heap may grow to {human_bytes(most)} ({heap.source})"
    if kept < most:
        return kept, why
    fits = amount - heap.outside_bytes
    less = f"; with {typed(fits, heap.setting.runtime)} or less {human_bytes(amount)} will do" if fits >= MEBIBYTE else ""
    return kept, f"{why}, and needs {heap.outside_words}{less}"


def _not_shrunk(amount: int, current: int | None, heap: Heap, share: Share) -> tuple[int, str]:
    """The heap must be able to be as large as it can have been: all that was held, but not more than it could have."""
    wanted = heap.held_bytes if heap.memory_bytes is None else min(heap.held_bytes, share.of(heap.memory_bytes))
    least = share.memory_for(wanted)
    if least is None or least <= amount:
        return amount, ""
    kept = round_up(least) if current is None else min(current, round_up(least))
    return kept, (
        f"by what was seen {human_bytes(amount)} would do, but then its heap could have {human_bytes(share.of(amount))} alone"
        f" ({heap.share_words(amount)}), and up to {human_bytes(wanted)} of what it held may be heap: set"
        f" {FLAG[heap.setting.runtime]} to what that needs first"
    )
