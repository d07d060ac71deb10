"""Incidents from the rows' own counters, for an agent that tells no incidents.

An agent that does makes one of each rise of a counter, with more in it; then this adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from oomsight_api.incident import MAX_VICTIMS, Evidence, Incident, Victim
from oomsight_api.report import Container as ContainerRow
from oomsight_operator.judgement.kills.tellings import MAX_PROCESSES
from oomsight_operator.judgement.model import ContainerHistory, Pod, Telemetry


def with_row_counters(pod: Pod, telemetry: Telemetry | None, histories: Mapping[str, ContainerHistory]) -> Telemetry | None:
    """The telemetry with an incident for each counter that is beyond what is counted."""
    if telemetry is None or telemetry.tells_incidents:
        return telemetry
    found = []
    for name, row in telemetry.rows.items():
        history = histories.get(name, ContainerHistory())
        is_first = history.container_id_seen != row.container_id
        counted = 0 if is_first else history.oom_kills_seen or 0
        if row.oom_kills is not None and counted < row.oom_kills <= MAX_PROCESSES:
            status = pod.statuses.get(name)
            started = status.started_at_seconds if status is not None and is_first else None
            found.append(_incident(row, counted, telemetry.report_time_seconds, started))
    return replace(telemetry, incidents=(*telemetry.incidents, *found)) if found else telemetry


def _incident(row: ContainerRow, counted: int, time_seconds: float, not_before_seconds: float | None) -> Incident:
    last = row.oom_kills or 0
    ordinals = range(max(counted, last - MAX_VICTIMS) + 1, last + 1)
    return Incident(
        id=f"{row.container_id[:12]}-{last}",
        time_seconds=time_seconds,
        not_before_seconds=not_before_seconds,
        evidence=Evidence.COUNTER,
        victims=tuple(Victim(pod_uid=row.pod_uid, container_id=row.container_id, ordinal=ordinal) for ordinal in ordinals),
        victim_count=last - counted,
    )
