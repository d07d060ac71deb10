"""What an incident tells of one container: its victims there, given to the container by the pod's status, its past, or its spec.

The container's name in an incident is believed only as one of the pod's spec, and only for a run that no status knows; a run that
the pod never had is nobody's. A victim whose container is unknown (the pod's counter alone rose) belongs to the one container of
the pod that was killed then, if it is exactly one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from oomsight_api.incident import Evidence, Incident, LastSample, OomScope, Victim
from oomsight_operator.judgement.kills.model import SIGKILL_EXIT_CODE
from oomsight_operator.judgement.model import ContainerHistory, ContainerStatus, Pod, Telemetry, Termination

SAME_KILL_SECONDS = 15.0
"""A kill at most this long before or after the end of its container is the reason of that end."""
MAX_PROCESSES = 1 << 22
"""PID_MAX_LIMIT of the kernel: no OOM kills more."""
MAX_RUNS = 4
"""Of one container in one incident: it has one run at a time, and a counter tells of some seconds. A hostile agent names many."""
OOM_KILLED = "OOMKilled"


@dataclass(frozen=True, slots=True)
class Telling:
    """One incident in one run of a container. Times are never in the future: a node's clock that is ahead must not keep a kill
    recent for good."""

    incident: Incident
    container_id: str
    time_seconds: float
    not_before_seconds: float | None
    """Set where only a counter tells: earliest time."""
    victims: tuple[Victim, ...]
    """Those listed in this run."""
    processes: int
    """With those that are not listed."""
    ended: bool | None
    """Whether the run ended with it; None: the incident does not tell (yet)."""
    ordinals: tuple[int, ...]
    """Of its victims in the run's counter, ascending, as far as known, each once."""

    @property
    def before(self) -> LastSample | None:
        """The last sample, where it is of this container: it is of the first victim's."""
        return self.incident.before if self.incident.victims[0].container_id == self.container_id else None


def tellings_of(
    pod: Pod, telemetry: Telemetry | None, histories: Mapping[str, ContainerHistory], now_seconds: float
) -> dict[str, tuple[Telling, ...]]:
    """What the agent tells of each container of the pod, by container name, oldest first; MAX_RUNS runs an incident at most."""
    if telemetry is None or not telemetry.incidents:
        return {}
    owners = _owners(pod, histories)
    names = {spec.name for spec in pod.containers}
    found: dict[str, list[Telling]] = {}
    for incident in telemetry.incidents:
        runs: dict[tuple[str, str], list[Victim]] = {}
        for victim in incident.victims:
            if victim.pod_uid != pod.cgroup_uid:
                continue
            run = _run_of(victim, incident, owners, names, pod, now_seconds)
            if run is not None:
                runs.setdefault(run, []).append(victim)
        taken: Counter[str] = Counter()
        for (name, container_id), victims in runs.items():
            taken[name] += 1
            if taken[name] <= MAX_RUNS:
                found.setdefault(name, []).append(_telling(incident, container_id, tuple(victims), now_seconds))
    return {name: tuple(sorted(told, key=_age)) for name, told in found.items()}


def is_near(time_seconds: float, not_before_seconds: float | None, finished_seconds: float) -> bool:
    """Whether a kill can be the reason of a run's end."""
    since = not_before_seconds if not_before_seconds is not None else time_seconds
    return since - SAME_KILL_SECONDS <= finished_seconds <= time_seconds + SAME_KILL_SECONDS


def finished_at(end: Termination, now_seconds: float) -> float:
    """When a run ended, never in the future; now where the runtime does not tell."""
    return min(end.finished_at_seconds, now_seconds) if end.finished_at_seconds is not None else now_seconds


def ends_of(status: ContainerStatus | None) -> tuple[Termination, ...]:
    """Oldest first, each run once (`state` and `lastState` may tell of the same one)."""
    ends = (status.last_terminated, status.terminated) if status is not None else ()
    return tuple({end.container_id: end for end in ends if end is not None}.values())


def _owners(pod: Pod, histories: Mapping[str, ContainerHistory]) -> dict[str, str]:
    """Container name by run: the status's, before what is remembered of earlier runs."""
    owners: dict[str, str] = {}
    for name, history in histories.items():
        runs = (*history.ended_container_ids, *(kill.container_id for kill in history.kills), history.container_id_seen)
        owners.update({run: name for run in runs if run})
    for name, status in pod.statuses.items():
        runs = (*(end.container_id for end in ends_of(status)), status.container_id)
        owners.update({run: name for run in runs if run})
    return owners


def _run_of(
    victim: Victim, incident: Incident, owners: Mapping[str, str], names: set[str], pod: Pod, now_seconds: float
) -> tuple[str, str] | None:
    """Container and run of a victim; None: nobody's."""
    if victim.container_id is None:
        return _killed_then(incident, pod, now_seconds)
    name = owners.get(victim.container_id)
    if name is None and victim.container_name in names:
        name = victim.container_name
    return (name, victim.container_id) if name is not None else None


def _killed_then(incident: Incident, pod: Pod, now_seconds: float) -> tuple[str, str] | None:
    """The only container of the pod that ended by SIGKILL, or OOMKilled, around the incident."""
    time, not_before = _times(incident, now_seconds)
    killed = [
        (name, end.container_id)
        for name, status in pod.statuses.items()
        for end in ends_of(status)
        if (end.exit_code == SIGKILL_EXIT_CODE or end.reason == OOM_KILLED)
        and is_near(time, not_before, finished_at(end, now_seconds))
    ]
    return killed[0] if len(killed) == 1 else None


def _telling(incident: Incident, container_id: str, victims: tuple[Victim, ...], now_seconds: float) -> Telling:
    time, not_before = _times(incident, now_seconds)
    alone = len(victims) == len(incident.victims)
    counted = incident.victim_count if alone and incident.victim_count <= MAX_PROCESSES else 0
    return Telling(
        incident=incident,
        container_id=container_id,
        time_seconds=time,
        not_before_seconds=not_before,
        victims=victims,
        processes=max(len(victims), counted),
        ended=_ended(incident, container_id, victims),
        ordinals=tuple(sorted({victim.ordinal for victim in victims if victim.ordinal and victim.container_id is not None})),
    )


def _times(incident: Incident, now_seconds: float) -> tuple[float, float | None]:
    time = min(incident.time_seconds, now_seconds)
    earliest = incident.not_before_seconds
    return time, min(earliest, time) if earliest is not None else None


def _ended(incident: Incident, container_id: str, victims: Iterable[Victim]) -> bool | None:
    """PID 1 takes its container along; `container_survived` is of the first victim's container."""
    if any(victim.is_container_init for victim in victims):
        return True
    if incident.container_survived is not None and incident.victims[0].container_id == container_id:
        return not incident.container_survived
    # Of the counter alone it is the container's setting, and no more; whether all died is told in a moment.
    whole = incident.oom_group and incident.evidence is not Evidence.COUNTER and incident.scope is not OomScope.CGROUP
    return True if whole and not any(_is_nested(victim, container_id) for victim in victims) else None


def _is_nested(victim: Victim, container_id: str) -> bool:
    """Whether it ran in a cgroup inside the container's, which may have been a group of its own."""
    _, found, below = (victim.cgroup or "").rpartition(container_id)
    return bool(found) and "/" in below


def _age(telling: Telling) -> tuple[float, str]:
    return (telling.time_seconds, telling.incident.id)
