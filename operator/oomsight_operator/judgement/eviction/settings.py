"""The kubelet's thresholds on memory, and whether they are known or assumed.

Source: Kubernetes pkg/kubelet/eviction/api (Threshold, GetThresholdQuantity) and defaults_linux.go (DefaultEvictionHard).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MIB = 1 << 20
DEFAULT_HARD_BYTES = 100 * MIB
"""`memory.available<100Mi`: what a kubelet has that nobody configured."""
MONITORING_SECONDS = 10
"""pkg/kubelet evictionMonitoringPeriod: how often the kubelet looks."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Bytes, or a share of the signal's capacity. Exactly one of both is set."""

    quantity_bytes: int | None = None
    fraction: float | None = None
    """Above 0, below 1; as the kubelet's own float32 has it."""

    def bytes_of(self, capacity_bytes: int) -> int:
        """The threshold on a signal of this capacity, as GetThresholdQuantity computes it."""
        return self.quantity_bytes if self.quantity_bytes is not None else int(float(capacity_bytes) * (self.fraction or 0.0))


def percentage(percent: float) -> Threshold:
    """A threshold of so many percent. The kubelet parses into a float32 and divides that by 100."""
    return Threshold(fraction=_float32(_float32(percent) / 100))


def _float32(value: float) -> float:
    (single,) = struct.unpack("f", struct.pack("f", value))
    return float(single)


@dataclass(frozen=True, slots=True)
class EvictionSettings:
    """What decides when a kubelet evicts for memory."""

    hard: Threshold | None = Threshold(DEFAULT_HARD_BYTES)
    """Below it a pod is evicted at once, without its grace period; None: memory is never a reason to evict at once."""
    soft: Threshold | None = None
    """Below it for `soft_grace_seconds` a pod is evicted, with a grace period."""
    soft_grace_seconds: float | None = None
    enforces_pods: bool = True
    """`enforceNodeAllocatable` holds `pods`: then the hard threshold holds for allocatableMemory.available, too."""
    assumed_because: str | None = None
    """Why these are defaults and not the node's own, in words (printable ASCII); None: they were read from the node."""


def assumed(because: str) -> EvictionSettings:
    """The kubelet's defaults, for a node whose configuration is not known."""
    return EvictionSettings(assumed_because=because)
