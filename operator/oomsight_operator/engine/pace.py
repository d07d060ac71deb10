"""How often what one node's agent tells is judged: it takes a tenth of one processor at most, however much a hostile agent tells.

Whoever is judged owes rest, and what its agent tells in the meantime is judged together when that is paid. An honest node of
110 pods, all judged at once, owes half a second. What tells of a kill need not wait for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """By node. Seconds are of one monotonic clock."""

    rests: float = 9.0
    """So many times the CPU time that judging its pods took, as with the polls."""
    overdraw_seconds: float = 2.0
    """A kill is judged at once unless the node owes more: kills in every report must not take the operator's time either."""
    _paid_at: dict[str, float] = field(default_factory=dict)

    def note(self, node_name: str, now: float, cpu_seconds: float) -> None:
        """A pod of the node was judged, and that took so long."""
        self._paid_at[node_name] = max(now, self._paid_at.get(node_name, now)) + self.rests * cpu_seconds

    def wait_seconds(self, node_name: str, now: float, *, kill: bool) -> float:
        """How long what the node tells now has to wait; 0: not at all."""
        left = self._paid_at.get(node_name, now) - now
        return max(0.0, left - self.overdraw_seconds if kill else left)

    def forget(self, node_name: str) -> None:
        """Its agent is silent: what it owes is of no use."""
        self._paid_at.pop(node_name, None)
