"""What a consumer makes of an agent's incidents: each kill once, by the two names that the contract gives it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oomsight_api.incident import Incident, Victim


@dataclass(frozen=True, slots=True)
class Ours:
    """What belongs to the harness in a scenario; everything else on a shared machine is others'."""

    root: str
    """The path of our root cgroup."""
    container_ids: frozenset[str]
    pod_uids: frozenset[str]
    pids: frozenset[int]
    since_seconds: float
    """Unix time at which the scenario began: what the log's ring still holds from before may have had the same pids."""

    def owns(self, incident: Incident, victim: Victim) -> bool:
        """Whether this victim can be meant for one of ours."""
        if incident.time_seconds < self.since_seconds:
            return False
        if victim.container_id is not None:
            return victim.container_id in self.container_ids
        if victim.pod_uid is not None:
            return victim.pod_uid in self.pod_uids
        if victim.cgroup is not None:
            return victim.cgroup == self.root or victim.cgroup.startswith(f"{self.root}/")
        return victim.pid is not None and victim.pid in self.pids


@dataclass(frozen=True, slots=True)
class ToldKill:
    """One kill as told, after de-duplication."""

    incident: Incident
    victim: Victim
    """Of the telling that says most."""
    contradiction: str | None = None
    """Two tellings under one name that cannot both be true."""


def kills_told(incidents: Iterable[Incident], ours: Ours) -> list[ToldKill]:
    """The kills that a consumer counts: by incident and victim, and once for each (container or pod, ordinal)."""
    kills: list[ToldKill] = []
    by_ordinal: dict[tuple[str, int], int] = {}
    for incident in incidents:
        for victim in _victims(incident):
            if not ours.owns(incident, victim):
                continue
            key = _ordinal_key(victim)
            known = by_ordinal.get(key) if key is not None else None
            if known is not None:
                kills[known] = _merge(kills[known], ToldKill(incident, victim))
                continue
            if key is not None:
                by_ordinal[key] = len(kills)
            kills.append(ToldKill(incident, victim))
    return kills


def _victims(incident: Incident) -> list[Victim]:
    """With those that are counted and not listed: whose they were is only known from the others."""
    victims = list(incident.victims)
    if victims and incident.victim_count > len(victims):
        first = victims[0]
        unlisted = Victim(container_id=first.container_id, pod_uid=first.pod_uid, cgroup=first.cgroup)
        victims.extend([unlisted] * (incident.victim_count - len(victims)))
    return victims


def _ordinal_key(victim: Victim) -> tuple[str, int] | None:
    owner = victim.container_id or victim.pod_uid
    return None if victim.ordinal is None or owner is None else (owner, victim.ordinal)


def _merge(first: ToldKill, second: ToldKill) -> ToldKill:
    a, b = first.victim, second.victim
    better = first if a.pid is not None or b.pid is None else second
    if a.pid is not None and b.pid is not None and a.pid != b.pid:
        text = f"kill {a.ordinal} of {(a.container_id or a.pod_uid or '')[:12]} is told as pid {a.pid} and as pid {b.pid}"
        return ToldKill(better.incident, better.victim, text)
    return better
