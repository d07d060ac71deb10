"""Incidents and their victims, summed up for Prometheus.

An incident is told as soon as anything is known of it and becomes clearer within seconds. A counter must not take back what it has
counted, so an incident is counted once it has had SETTLE_SECONDS to become clear, and then under what was known of it: its scope
and evidence stay, and further victims are added. A container's counts outlive its restarts, and its pod by FORGET_SECONDS, so that
the last kill of a pod is scraped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from oomsight_agent.series import Series
from oomsight_api.incident import Incident, Victim
from oomsight_api.report import MAX_INCIDENTS, NodeReport

SETTLE_SECONDS: Final = 5.0
FORGET_SECONDS: Final = 900.0
MAX_SERIES: Final = 2048
"""Of pods that are gone or were never seen: a node that restarts pods all day ends here."""
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted since the agent started, incidents that the kernel's log still told of at its start included."""

    kills: Mapping[tuple[Series, str], int] = field(default_factory=dict)
    """Victims by container and scope; the empty series is whoever was in no container, or in one that is not known."""
    incidents: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By scope and evidence."""


@dataclass(slots=True)
class _Settled:
    scope: str
    victims: Counter[tuple[str, Series]]


@dataclass(slots=True)
class _Count:
    kills: int
    seen_seconds: float
    """When its pod was last on the node, or a kill was counted."""


class IncidentTotals:
    """Takes every full report with the incidents that are new or changed."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[float, Incident]] = {}
        self._settled: dict[str, _Settled] = {}
        self._kills: dict[tuple[str, Series, str], _Count] = {}
        """By pod uid (a pod of the same name is another one), series and scope."""
        self._incidents: Counter[tuple[str, str]] = Counter()

    def observe(self, report: NodeReport) -> None:
        """Take the next sample."""
        now = report.time_seconds
        for incident in report.incidents:
            settled = self._settled.get(incident.id)
            if settled is not None:
                self._add_victims(settled, incident, now)
            else:
                first_told, _ = self._open.get(incident.id, (now, incident))
                self._open[incident.id] = (first_told, incident)
        if self._open:
            self._settle(now)
        if self._kills:
            self._forget({row.pod_uid for row in report.containers} | {pod.pod_uid for pod in report.pods}, now)

    def totals(self) -> Totals:
        """The sums as they stand."""
        kills: Counter[tuple[Series, str]] = Counter()
        for (_, series, scope), count in self._kills.items():
            kills[series, scope] += count.kills
        return Totals(dict(kills), dict(self._incidents))

    def _settle(self, now: float) -> None:
        for incident_id, (first_told, incident) in list(self._open.items()):
            if abs(now - first_told) < SETTLE_SECONDS:
                continue
            del self._open[incident_id]
            scope = incident.scope.value if incident.scope is not None else UNKNOWN
            self._incidents[scope, incident.evidence.value] += 1
            settled = self._settled[incident_id] = _Settled(scope, Counter())
            self._add_victims(settled, incident, now)
        while len(self._settled) > MAX_INCIDENTS:
            del self._settled[next(iter(self._settled))]

    def _add_victims(self, settled: _Settled, incident: Incident, now: float) -> None:
        for key, victims in _victims(incident).items():
            more = victims - settled.victims[key]
            if more > 0:
                settled.victims[key] = victims
                count = self._kills.setdefault((*key, settled.scope), _Count(0, now))
                count.kills += more
                count.seen_seconds = now

    def _forget(self, pod_uids: set[str], now: float) -> None:
        absent = []
        for key, count in self._kills.items():
            if key[0] in pod_uids:
                count.seen_seconds = now
            elif key[1] != Series():
                absent.append((count.seen_seconds, key))
        absent.sort()
        for number, (seen, key) in enumerate(absent):
            if now - seen > FORGET_SECONDS or len(absent) - number > MAX_SERIES:
                del self._kills[key]


def _victims(incident: Incident) -> Counter[tuple[str, Series]]:
    """Victims by pod uid and series; those that are not listed belong to the listed ones' container if that is one."""
    victims = Counter((victim.pod_uid or "", _series(victim)) for victim in incident.victims)
    unlisted = incident.victim_count - len(incident.victims)
    if unlisted > 0:
        victims[next(iter(victims)) if len(victims) == 1 else ("", Series())] += unlisted
    return victims


def _series(victim: Victim) -> Series:
    if victim.namespace is None or victim.pod_name is None:
        return Series(pod_uid=victim.pod_uid or "", container_id=victim.container_id or "")
    if victim.container_name is None:
        return Series(victim.namespace, victim.pod_name, container_id=victim.container_id or "")
    return Series(victim.namespace, victim.pod_name, victim.container_name)
