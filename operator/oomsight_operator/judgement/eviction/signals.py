"""How far a node is from evicting: the kubelet's two signals on memory, and their margins to its thresholds.

Source: Kubernetes pkg/kubelet/eviction/helpers.go (makeSignalObservations, thresholdsMet, addAllocatableThresholds), and cAdvisor:

- `memory.available` = MemTotal - working set of the root cgroup, with working set = usage - inactive file pages. Active page cache
  counts as used, although the kernel would free it; on cgroup v2 the root's usage is anonymous memory + page cache, so that kernel
  memory is invisible to it. It is neither MemFree nor MemAvailable.
- `allocatableMemory.available` = limit - working set of the cgroup that holds all pods. The hard threshold holds for it as well.
- A threshold is met when the signal is below it. A percentage is one of available + working set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from oomsight_api.report import Cgroup, Memory, NodeMemory
from oomsight_operator.judgement.eviction.settings import EvictionSettings, Threshold

ROOT = "/"


class Signal(StrEnum):
    """As the kubelet's configuration spells them."""

    MEMORY_AVAILABLE = "memory.available"
    ALLOCATABLE_MEMORY_AVAILABLE = "allocatableMemory.available"


class ThresholdKind(StrEnum):
    """Hard: evicts at once. Soft: evicts after its grace period."""

    HARD = "hard"
    SOFT = "soft"


@dataclass(frozen=True, slots=True)
class Margin:
    """One threshold of a signal. `margin_bytes` = available - threshold, negative when it is met."""

    kind: ThresholdKind
    threshold_bytes: int
    margin_bytes: int
    grace_seconds: float | None = None
    """Of a soft threshold: how long it must be met."""

    @property
    def is_met(self) -> bool:
        return self.margin_bytes < 0


@dataclass(frozen=True, slots=True)
class SignalState:
    """A signal as the kubelet would see it now."""

    signal: Signal
    available_bytes: int | None = None
    """May be negative."""
    capacity_bytes: int | None = None
    margins: tuple[Margin, ...] = ()
    """Hard first."""
    unknown_because: str | None = None
    """Why there is no number, in words."""

    @property
    def hard(self) -> Margin | None:
        return next((margin for margin in self.margins if margin.kind is ThresholdKind.HARD), None)


def memory_signals(node: NodeMemory, cgroups: Iterable[Cgroup], settings: EvictionSettings) -> tuple[SignalState, SignalState]:
    """memory.available and allocatableMemory.available."""
    rows = tuple(cgroups)
    root = next((row.memory for row in rows if row.cgroup == ROOT), None)
    pods = next((row.memory for row in rows if row.holds_pods), None)
    return _memory_available(node, root, settings), _allocatable(pods, settings)


def _memory_available(node: NodeMemory, root: Memory | None, settings: EvictionSettings) -> SignalState:
    signal = Signal.MEMORY_AVAILABLE
    if node.total_bytes is None or root is None or root.working_set_bytes is None:
        return SignalState(signal, unknown_because="the node's agent does not tell the working set of the root cgroup")
    margins = ((ThresholdKind.HARD, settings.hard, None), (ThresholdKind.SOFT, settings.soft, settings.soft_grace_seconds))
    return _state(signal, node.total_bytes, root.working_set_bytes, margins)


def _allocatable(pods: Memory | None, settings: EvictionSettings) -> SignalState:
    signal = Signal.ALLOCATABLE_MEMORY_AVAILABLE
    if not settings.enforces_pods:
        return SignalState(
            signal, unknown_because="the kubelet does not enforce allocatable memory on pods, so it has no such signal"
        )
    if pods is None or pods.working_set_bytes is None or (pods.limit_bytes is None and not pods.unlimited):
        return SignalState(signal, unknown_because="the node's agent does not tell of the cgroup that holds all pods")
    if pods.limit_bytes is None:
        return SignalState(signal, unknown_because="the cgroup that holds all pods has no limit, so the kubelet has no such signal")
    return _state(signal, pods.limit_bytes, pods.working_set_bytes, ((ThresholdKind.HARD, settings.hard, None),))


def _state(
    signal: Signal, capacity: int, working_set: int, thresholds: Iterable[tuple[ThresholdKind, Threshold | None, float | None]]
) -> SignalState:
    available = capacity - working_set
    margins = []
    for kind, threshold, grace_seconds in thresholds:
        if threshold is not None:
            threshold_bytes = threshold.bytes_of(capacity)
            margins.append(Margin(kind, threshold_bytes, available - threshold_bytes, grace_seconds))
    return SignalState(signal, available, capacity, tuple(margins))
