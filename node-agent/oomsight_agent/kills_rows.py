"""The lines of `oomsight-agent kills` as values: a killed process each, and what counters know beyond them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from oomsight_agent.series import pod_names
from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_api.report import NodeReport


@dataclass(frozen=True, slots=True)
class KillRow:
    """One victim of an OOM (None: the kernel found nobody to kill), or kills that only a counter tells of."""

    victim_name: str
    """`namespace/pod/container` as far as that is known; `-` when it is not."""
    limit_of: str
    time_seconds: float | None = None
    """None: only a counter tells, which this program reads once: some time before."""
    scope: str | None = None
    victim: Victim | None = None
    evidence: str = "counter"
    count: int = 1
    """How many kills stand in this line."""


def rows_of_incidents(incidents: Iterable[Incident]) -> list[KillRow]:
    """A row for each victim, oldest first; victims that are not listed share one."""
    rows: list[KillRow] = []
    for incident in sorted(incidents, key=lambda incident: (incident.time_seconds, incident.id)):
        scope = incident.scope.value if incident.scope is not None else None
        seconds = None if incident.evidence is Evidence.COUNTER else incident.time_seconds
        rows += [
            KillRow(
                victim_name=_name(victim),
                limit_of=_limit_of(incident, victim),
                time_seconds=seconds,
                scope=scope,
                victim=victim,
                evidence=incident.evidence.value,
                count=0 if victim is None else 1,
            )
            for victim in incident.victims or (None,)
        ]
        unlisted = incident.victim_count - len(incident.victims)
        if unlisted > 0:
            rows.append(KillRow("-", _limit_of(incident, None), seconds, scope, None, incident.evidence.value, unlisted))
    return rows


def rows_of_counters(report: NodeReport, incidents: Iterable[Incident]) -> list[KillRow]:
    """Kills that the containers' counters, and their pods', hold beyond the incidents' victims; nobody knows when they were."""
    names = pod_names(report)
    by_container: Counter[str | None] = Counter()
    by_pod: Counter[str | None] = Counter()
    for incident in incidents:
        unlisted = incident.victim_count - len(incident.victims)
        by_container += _with_unlisted(Counter(victim.container_id for victim in incident.victims), unlisted)
        by_pod += _with_unlisted(Counter(victim.pod_uid for victim in incident.victims), unlisted)
    rows = []
    for row in report.containers:
        name = names.get(row.pod_uid)
        pod = f"{name.namespace}/{name.pod}" if name is not None else row.pod_uid
        beyond = max(0, (row.oom_kills or 0) - by_container[row.container_id])
        by_pod[row.pod_uid] += beyond
        if beyond:
            rows.append(KillRow(f"{pod}/{row.container_name or row.container_id[:12]}", "-", count=beyond))
    for below in report.pods:
        name = names.get(below.pod_uid)
        beyond = (below.oom_kills or 0) - by_pod[below.pod_uid]
        if beyond > 0:
            rows.append(KillRow(f"{name.namespace}/{name.pod}" if name is not None else below.pod_uid, "-", count=beyond))
    return sorted(rows, key=lambda row: row.victim_name)


def _with_unlisted(listed: Counter[str | None], unlisted: int) -> Counter[str | None]:
    """Victims that are not listed were where all the listed ones were; otherwise nobody knows where."""
    if unlisted > 0 and len(listed) == 1:
        listed[next(iter(listed))] += unlisted
    return listed


def _name(victim: Victim | None) -> str:
    if victim is None:
        return "-"
    if victim.pod_uid is None and victim.pod_name is None:
        return victim.cgroup or "-"
    pod = f"{victim.namespace}/{victim.pod_name}" if victim.namespace and victim.pod_name else victim.pod_uid or "-"
    container = victim.container_name or (victim.container_id or "")[:12]
    return f"{pod}/{container}" if container else pod


def _limit_of(incident: Incident, victim: Victim | None) -> str:
    """Whose memory ran out, as seen from the victim."""
    match incident.scope:
        case OomScope.NODE:
            return "the node"
        case OomScope.CONTAINER if victim is not None and victim.container_id == incident.limit_container_id:
            return "itself"
        case OomScope.POD if victim is not None and victim.pod_uid == incident.limit_pod_uid:
            return "its pod"
    return incident.limit_cgroup or "-"
