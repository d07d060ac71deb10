"""How large the heap of a runtime may get: a fixed amount, or a share of the memory that it finds. Bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from oomsight_api.quantity import human_bytes

MOST_BYTES: Final = 1 << 60
"""More than any machine has."""


class Runtime(StrEnum):
    """As sentences name it."""

    JVM = "JVM"
    NODE = "Node.js"
    GO = "Go"
    DOTNET = ".NET"


@dataclass(frozen=True, slots=True)
class Share:
    """A heap that is a share of the memory the runtime finds: the limit, or the node's memory where there is none."""

    percent: float
    least_bytes: int = 0
    """Where the memory is small, so much all the same, unless `small_percent` of it is less: then that."""
    small_percent: float | None = None
    most: tuple[tuple[int, int], ...] = ()
    """Below so much memory, so much heap at most; ascending. The last holds above it, too."""
    initial_bytes: int = 0
    """What it starts with: it may grow to that at least."""

    def of(self, memory_bytes: int) -> int:
        """The heap in so much memory; never smaller in more."""
        heap = int(memory_bytes * self.percent / 100)
        if self.small_percent is not None and int(memory_bytes * self.small_percent / 100) < self.least_bytes:
            heap = int(memory_bytes * self.small_percent / 100)
        else:
            heap = max(heap, self.least_bytes)
        caps = [most for below, most in self.most if memory_bytes < below] or [most for _, most in self.most[-1:]]
        return max(min([heap, *caps[:1]]), self.initial_bytes)

    def words(self, memory_bytes: int) -> str:
        """What makes the heap so large in so much memory."""
        heap = self.of(memory_bytes)
        if heap == int(memory_bytes * self.percent / 100):
            return f"{self.percent:.3g} % of the limit"
        if heap == self.initial_bytes:
            return "what it starts with"
        if self.small_percent is not None and heap == int(memory_bytes * self.small_percent / 100):
            return f"{self.small_percent:.3g} % of so small a limit"
        return f"{human_bytes(heap)} at {'least' if heap == self.least_bytes else 'most'}"

    def memory_for(self, heap_bytes: int) -> int | None:
        """The least memory in which the heap may get so large; None where it never may."""
        if self.of(MOST_BYTES) < heap_bytes:
            return None
        low, high = 0, MOST_BYTES
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.of(middle) >= heap_bytes else (middle + 1, high)
        return low


@dataclass(frozen=True, slots=True)
class HeapSetting:
    """What is known of one container's heap. Neither fixed nor a share: there is one, and its size is not in the pod's spec."""

    runtime: Runtime
    where: str
    """What sets it, such as `-Xmx in JAVA_TOOL_OPTIONS` or `the JVM's default`; never a tenant's words."""
    fixed_bytes: int | None = None
    share: Share | None = None
    explicit: bool = True
    """Somebody set it; False: it is the runtime's default, or nothing in the spec says."""
    of_node: bool = False
    """The share is of the node's memory whatever the limit is."""
    doubt: str = ""
    """What could make it otherwise, as the end of a sentence: `if its start script passes JAVA_OPTS on`."""
    beside: tuple[tuple[str, int], ...] = ()
    """What may grow beside the heap by flags, and how far."""

    def heap_bytes(self, memory_bytes: int | None) -> int | None:
        """How large the heap may get where the runtime finds so much memory; None where that is not known."""
        if self.fixed_bytes is not None or self.share is None or memory_bytes is None:
            return self.fixed_bytes
        return self.share.of(memory_bytes)

    @property
    def follows_limit(self) -> bool:
        """Whether another limit makes another heap."""
        return self.fixed_bytes is None and self.share is not None and not self.of_node

    @property
    def hidden(self) -> bool:
        """Whether its size is unknown."""
        return self.fixed_bytes is None and self.share is None
