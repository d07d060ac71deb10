"""Which incidents are news of the node itself: its own memory ran out. Each once, and only while it is news. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable

from oomsight_api.incident import Incident, OomScope

NEWS_SECONDS = 600.0
"""An OOM of the node that is told later than this is history; a node's clock may be ahead by as much."""
MAX_TOLD = 512
"""Ids remembered of one node."""


class NodeNews:
    """Remembers what was told, over restarts and silences of agents. An id that is forgotten is too old to be told again."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, float]] = {}

    def __len__(self) -> int:
        """Nodes of which something is remembered."""
        return len(self._told)

    def take(self, node_name: str, incidents: Iterable[Incident], now_seconds: float) -> tuple[Incident, ...]:
        """Those node-wide ones that nobody was told of yet. `now_seconds` is Unix time."""
        told = self._told.get(node_name, {})
        for incident_id in [each for each, since in told.items() if now_seconds - since > 2 * NEWS_SECONDS]:
            del told[incident_id]
        news: list[Incident] = []
        for incident in incidents:
            if incident.scope is not OomScope.NODE or incident.id in told:
                continue
            if abs(now_seconds - incident.time_seconds) <= NEWS_SECONDS and len(told) < MAX_TOLD:
                told[incident.id] = now_seconds
                news.append(incident)
        self._told.pop(node_name, None)
        if told:
            self._told[node_name] = told
        self._forget_gone(now_seconds)
        return tuple(news)

    def _forget_gone(self, now_seconds: float) -> None:
        """Nodes that were not heard for so long that nothing of theirs could be told again; the longest silent stand first."""
        while self._told:
            node_name, told = next(iter(self._told.items()))
            if now_seconds - max(told.values()) <= 2 * NEWS_SECONDS:
                return
            del self._told[node_name]
