"""The check against the node's own count: how many kills /proc/vmstat has seen that are in no incident.

vmstat counts a group's first victim twice, as the cgroup's counter does (mm/oom_kill.c, __oom_kill_process runs for it twice),
unless it was gone before: each group that is known may explain one more.
"""

from __future__ import annotations

from collections import deque

from oomsight_agent.incidents.counters import GRACE_SECONDS


class Completeness:
    """Of the kills since the agent's first sample."""

    def __init__(self) -> None:
        self.found = 0
        """Kills since then that the counters or the log told of."""
        self.groups = 0
        """OOMs since then of which a whole group died."""
        self.unattributed: int | None = None
        """None where vmstat does not tell."""
        self._base: int | None = None
        self._window: deque[tuple[float, int]] = deque(maxlen=256)

    def take(self, node_kills: int | None, monotonic_seconds: float) -> None:
        """vmstat's counter. An excess is told once it has lasted: a line of the log may be on its way."""
        if node_kills is None:
            return
        if self._base is None or node_kills < self._base:
            self._base = node_kills
            self.unattributed = 0
            self._window.clear()
            self.found = self.groups = 0
        excess = max(0, node_kills - self._base - self.found - self.groups)
        self._window.append((monotonic_seconds, excess))
        since = monotonic_seconds - 2 * GRACE_SECONDS
        while len(self._window) > 1 and self._window[1][0] <= since:
            self._window.popleft()
        least = min(excess for _, excess in self._window)
        if self._window[0][0] <= since or least < (self.unattributed or 0):
            self.unattributed = least
