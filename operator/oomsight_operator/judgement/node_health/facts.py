"""What the conditions of a node look at, and the thresholds that several share.

A node is under no policy: the thresholds are those that a policy has by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from oomsight_api.report import NodeMemory
from oomsight_api.risk_policy import RiskSpec
from oomsight_operator.judgement.eviction.signals import SignalState

DEFAULTS: Final = RiskSpec()


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node at one moment."""

    memory: NodeMemory
    signals: tuple[SignalState, ...] = ()
    """The kubelet's, see judgement/eviction/signals.py."""
    assumed_because: str | None = None
    """Why the kubelet's thresholds are assumed; None: they were read."""
    kubelet_memory_pressure: bool | None = None
    """The kubelet's own condition MemoryPressure."""

    @property
    def available_percent(self) -> int | None:
        """MemAvailable of MemTotal, rounded down; None when unknown."""
        return percent_of(self.memory.available_bytes, self.memory.total_bytes)

    @property
    def free_percent(self) -> int | None:
        return percent_of(self.memory.free_bytes, self.memory.total_bytes)

    @property
    def is_short(self) -> bool:
        """Known to be short of memory."""
        percent = self.available_percent
        return percent is not None and percent < DEFAULTS.node_available.medium_percent


def percent_of(part: int | None, whole: int | None) -> int | None:
    """Rounded down; None when either is unknown, or there is no whole."""
    return part * 100 // whole if part is not None and whole is not None and whole > 0 else None
