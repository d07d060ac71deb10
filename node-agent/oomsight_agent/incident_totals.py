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

from msgspec.structs import replace

from oomsight_agent.series import Series
from oomsight_api.incident import Incident, Victim
from oomsight_api.report import MAX_INCIDENTS, NodeReport

SETTLE_SECONDS: Final = 5.0
FORGET_SECONDS: Final = 900.0
MAX_ORDINALS: Final = 4096
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
    victims: Counter[Series]


@dataclass(slots=True)
class _Count:
    pod_uid: str
    """Of the last victim's pod. One that comes again under its name goes on counting: a counter that fell would look restarted."""
    kills: int
    seen_seconds: float
    """When its pod was last on the node, or a kill was counted."""


class IncidentTotals:
    """Takes every full report with the incidents that are new or changed."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[float, Incident]] = {}
        self._settled: dict[str, _Settled] = {}
        self._kills: dict[tuple[Series, str], _Count] = {}
        """By series and scope."""
        self._ordinals: dict[tuple[str, int], str] = {}
        """Which incident counted a kill that has an ordinal: a line that comes late tells it under a second id."""
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
        return Totals({key: count.kills for key, count in self._kills.items()}, dict(self._incidents))

    def _settle(self, now: float) -> None:
        for incident_id, (first_told, incident) in list(self._open.items()):
            if abs(now - first_told) < SETTLE_SECONDS:
                continue
            del self._open[incident_id]
            scope = incident.scope.value if incident.scope is not None else UNKNOWN
            settled = self._settled[incident_id] = _Settled(scope, Counter())
            self._add_victims(settled, incident, now)
            if settled.victims or not incident.victims:
                self._incidents[scope, incident.evidence.value] += 1
        while len(self._settled) > MAX_INCIDENTS:
            del self._settled[next(iter(self._settled))]

    def _add_victims(self, settled: _Settled, incident: Incident, now: float) -> None:
        """Further victims, however those that are counted are named by now."""
        own = self._own(incident)
        pod_uids = {_series(victim): victim.pod_uid or "" for victim in own.victims}
        room = own.victim_count - settled.victims.total()
        for series, victims in _victims(own).items():
            more = min(victims - settled.victims[series], room)
            if more > 0:
                room -= more
                settled.victims[series] += more
                uid = pod_uids.get(series, "")
                count = self._kills.setdefault((series, settled.scope), _Count(uid, 0, now))
                count.pod_uid = uid
                count.kills += more
                count.seen_seconds = now

    def _own(self, incident: Incident) -> Incident:
        """Without victims that another incident has counted."""
        own = []
        for victim in incident.victims:
            kill = _kill(victim)
            if kill is None or self._ordinals.setdefault(kill, incident.id) == incident.id:
                own.append(victim)
        while len(self._ordinals) > MAX_ORDINALS:
            del self._ordinals[next(iter(self._ordinals))]
        if len(own) == len(incident.victims):
            return incident
        unlisted = incident.victim_count - len(incident.victims) if own else 0
        return replace(incident, victims=tuple(own), victim_count=len(own) + unlisted)

    def _forget(self, pod_uids: set[str], now: float) -> None:
        absent = []
        for key, count in self._kills.items():
            if count.pod_uid in pod_uids:
                count.seen_seconds = now
            elif key[0] != Series():
                absent.append((count.seen_seconds, key))
        absent.sort()
        for number, (seen, key) in enumerate(absent):
            if now - seen > FORGET_SECONDS or len(absent) - number > MAX_SERIES:
                del self._kills[key]


def _victims(incident: Incident) -> Counter[Series]:
    """Victims by series; those that are not listed belong to the listed ones' container if that is one."""
    victims = Counter(_series(victim) for victim in incident.victims)
    unlisted = incident.victim_count - len(incident.victims)
    if unlisted > 0:
        victims[next(iter(victims)) if len(victims) == 1 else Series()] += unlisted
    return victims


def _kill(victim: Victim) -> tuple[str, int] | None:
    """Which kill of which counter it is, where that is known."""
    counter = victim.container_id or victim.pod_uid
    return (counter, victim.ordinal) if counter is not None and victim.ordinal is not None else None


def _series(victim: Victim) -> Series:
    if victim.namespace is None or victim.pod_name is None:
        return Series(pod_uid=victim.pod_uid or "", container_id=victim.container_id or "")
    if victim.container_name is None:
        return Series(victim.namespace, victim.pod_name, container_id=victim.container_id or "")
    return Series(victim.namespace, victim.pod_name, victim.container_name)
