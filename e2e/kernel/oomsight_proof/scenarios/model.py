"""What a scenario is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from oomsight_api.incident import Incident
from oomsight_proof.machine import Machine, Need
from oomsight_proof.observer import EvidenceMode
from oomsight_proof.stage import Stage

LOG_FIELDS = ("container", "pid", "name", "scope", "limit", "evidence")
"""What the log gives of every kill."""
COUNTER_FIELDS = ("container", "evidence")

Check = Callable[[EvidenceMode, Machine, list[Incident]], list[str]]
"""What else must hold of the incidents; gives faults."""


def _no_check(_mode: EvidenceMode, _machine: Machine, _incidents: list[Incident]) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way for processes to be killed, or not."""

    name: str
    run: Callable[[Stage], None]
    """Returns when all kills have happened."""
    needs: tuple[Need, ...] = ()
    must_know: Mapping[EvidenceMode, tuple[str, ...]] = field(
        default_factory=lambda: {EvidenceMode.LOG: LOG_FIELDS, EvidenceMode.COUNTERS: COUNTER_FIELDS}
    )
    """Fields that must be right for each kill; what is told must be right everywhere."""
    lines_are_dropped: bool = False
    """Whether the kernel's rate limit keeps most headers from the log, so that counters alone tell whose many kills were."""
    rows_count: bool = False
    """Whether a container's counter in its row tells of kills while no agent ran (counters only)."""
    check: Check = _no_check
    quiet_seconds: float = 3.0
    """How long is listened for more after everything was found."""


def know(log: tuple[str, ...], counters: tuple[str, ...]) -> Mapping[EvidenceMode, tuple[str, ...]]:
    """Shorthand for `must_know`."""
    return {EvidenceMode.LOG: log, EvidenceMode.COUNTERS: counters}
