"""Each kill gets its cause when it is counted, with the evidence of that moment, and once more when its incident becomes clearer.

What a restored kill carries stands: the rows and the past that it was judged with are gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from oomsight_api.names import Cause
from oomsight_operator.judgement.cause.context import KillContext
from oomsight_operator.judgement.cause.rules import judge_cause
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.kills.tellings import ends_of
from oomsight_operator.judgement.model import ContainerHistory, ContainerKind, ContainerSpec, ContainerStatus, Pod, Telemetry


def with_causes(
    history: ContainerHistory,
    known: Iterable[Kill],
    pod: Pod,
    spec: ContainerSpec,
    telemetry: Telemetry | None,
    window_seconds: float,
) -> ContainerHistory:
    """The history with a cause for each of its kills. `known`: the kills as they were before this look."""
    before = {kill.identity: kill for kill in known}
    kills = tuple(
        replace(kill, cause=judge_cause(kill, _context(kill, history, pod, spec, telemetry, window_seconds)))
        if _became_clearer(before.get(kill.identity, kill), kill)
        else kill
        for kill in history.kills
    )
    return history if kills == history.kills else replace(history, kills=kills)


def _became_clearer(before: Kill, now: Kill) -> bool:
    """Whether there is something to judge. What fills in the numbers alone can explain what was unknown, and takes nothing
    back: a restored kill has lost them, and gets them again when its incident is told again."""
    if now.cause is None or _clarity(now) != _clarity(before):
        return True
    return now.cause.cause is Cause.UNKNOWN and (now.memory, now.before) != (before.memory, before.before)


def _clarity(kill: Kill) -> tuple[object, ...]:
    """What may change the judgement, or its sentence."""
    victims = (kill.victim_pid, kill.victim_name, kill.processes)
    return (kill.incident_id, kill.source, kill.scope, *victims, kill.ended_container)


def _context(
    kill: Kill, history: ContainerHistory, pod: Pod, spec: ContainerSpec, telemetry: Telemetry | None, window_seconds: float
) -> KillContext:
    pod_row = telemetry.pod_row if telemetry is not None else None
    pod_limit = pod_row.memory.limit_bytes if pod_row is not None else None
    incidents = telemetry.incidents if telemetry is not None else ()
    return KillContext(
        container_name=spec.name,
        pod_limit_bytes=pod_limit if pod_limit is not None else pod.pod_memory_limit_bytes,
        request_bytes=spec.memory_request_bytes,
        started_at_seconds=_started_at(kill, pod.statuses.get(spec.name)),
        alone_in_pod=not any(_runs_beside(spec, other) for other in pod.containers),
        pod_rows=telemetry.rows if telemetry is not None else {},
        earlier_kills=history.kills,
        window_seconds=window_seconds,
        incident=next((told for told in incidents if told.id == kill.incident_id), None),
        kernel_log_following=telemetry.kernel_log_following if telemetry is not None else None,
        agent_silent=telemetry is None,
    )


def _runs_beside(spec: ContainerSpec, other: ContainerSpec) -> bool:
    """Whether the other container uses memory while this one runs; beside an init container only sidecars do."""
    if other.name == spec.name or other.kind is ContainerKind.INIT:
        return False
    return spec.kind is not ContainerKind.INIT or other.kind is ContainerKind.SIDECAR


def _started_at(kill: Kill, status: ContainerStatus | None) -> float | None:
    """Of the run that was killed."""
    if status is None:
        return None
    if status.container_id == kill.container_id and status.state == "running":
        return status.started_at_seconds
    return next((end.started_at_seconds for end in ends_of(status) if end.container_id == kill.container_id), None)
