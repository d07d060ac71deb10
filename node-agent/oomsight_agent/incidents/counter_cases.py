"""Cases of which a counter alone tells."""

from __future__ import annotations

from itertools import groupby

from oomsight_agent.incidents.build import last_sample, sampled_memory
from oomsight_agent.incidents.case import Case, Kill, Place
from oomsight_agent.incidents.counters import Ordinal
from oomsight_agent.incidents.pod_remainder import PodKills
from oomsight_api.incident import Attribution, OomScope


def container_cases(boot: str, counted: list[Ordinal]) -> list[Case]:
    """One for each kill; where all of a container die together (memory.oom.group), one for each time that the counter rose."""
    cases = []
    for _, group in groupby(counted, key=lambda ordinal: id(ordinal.rise)):
        ordinals = list(group)
        if ordinals[0].rise.row.oom_group:
            cases.append(_container_case(boot, ordinals))
        else:
            cases.extend(_container_case(boot, [ordinal]) for ordinal in ordinals)
    return cases


def _container_case(boot: str, ordinals: list[Ordinal]) -> Case:
    rise = ordinals[0].rise
    row = rise.row
    case = Case(
        f"{boot}-{row.container_id[:12]}-{ordinals[0].number}",
        rise.time_seconds,
        min(rise.not_before_seconds, rise.time_seconds),
        limit=rise.limit,
        oom_group=row.oom_group,
        since_start=rise.since_start,
    )
    place = Place(row.cgroup, row.pod_uid, row.container_id)
    case.kills = [Kill(case.id, place, Attribution.COUNTER, ordinal.number, since_start=rise.since_start) for ordinal in ordinals]
    if rise.before is not None and rise.before_seconds is not None:
        age = rise.time_seconds - rise.before_seconds
        case.before = last_sample(rise.before, age)
        if rise.limit.scope in (None, OomScope.CONTAINER):
            case.memory = sampled_memory(rise.before.memory, age)
    return case


def pod_case(boot: str, kills: PodKills, ordinal: int, time_seconds: float) -> Case:
    """A kill in a container that came and went between two samples, or in the pod's own cgroup."""
    pod = kills.pod
    case = Case(f"{boot}-pod-{pod.pod_uid}-{ordinal}", time_seconds, min(kills.not_before_seconds, time_seconds))
    case.kills = [Kill(case.id, Place(pod.cgroup, pod.pod_uid), Attribution.COUNTER, ordinal)]
    return case
