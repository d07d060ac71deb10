"""From counters and states of the past to kills by a limit that is known. Pure. What cannot be known is left out and counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from oomsight_operator.judgement.recommend.state import OomKill
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS, MAX_BYTES
from oomsight_operator.judgement.rounding import is_same_limit
from oomsight_operator.prometheus.answer import Hourly, amounts

MOST_AN_HOUR: Final = 10
"""Kills of one container in one hour that are taken over: from the third on nothing grows any more."""
_BLAMED: Final = frozenset({"container", "pod"})

Place = tuple[str, str]
"""Pod and container."""


@dataclass(frozen=True, slots=True)
class KillSeries:
    """What was found of kills, best witness first: our agent's counter, cAdvisor's, and kube-state-metrics' states."""

    by_scope: tuple[Hourly, ...] = ()
    """Totals at the end of each hour."""
    events: tuple[Hourly, ...] = ()
    """Kills an hour."""
    restarts: tuple[Hourly, ...] = ()
    """Restarts in hours in which it had ended OOMKilled."""

    @property
    def pods(self) -> frozenset[str]:
        """Those of which any kill is told."""
        series = (*self.by_scope, *self.events, *self.restarts)
        return frozenset(each.labels["pod"] for each in series if each.labels.get("pod"))

    @property
    def has_pod_kills(self) -> bool:
        """Some came of a pod's limit, which has to be compared with its container's."""
        return any(each.labels.get("scope") == "pod" for each in self.by_scope)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force. Bytes by hour."""

    containers: tuple[Mapping[Place, Mapping[int, int]], ...] = ()
    """By each source, that believed first."""
    pods: Mapping[str, Mapping[int, int]] | None = None

    def of(self, place: Place, hour: int) -> int | None:
        """The container's in that hour; None where nobody knows."""
        found = (_at(source.get(place, {}), hour) for source in self.containers)
        return next((limit for limit in found if limit is not None), None)

    def of_pod(self, pod: str, hour: int) -> int | None:
        return _at((self.pods or {}).get(pod, {}), hour)


@dataclass(frozen=True, slots=True)
class Kills:
    """Of all replicas."""

    by_container: Mapping[str, tuple[tuple[OomKill, ...], ...]]
    """Of each replica that was killed, oldest first."""
    left_out: int = 0
    """Kills by a limit that nobody remembers, or that may not have been the container's."""


def limits_by_place(series: Iterable[Hourly]) -> Mapping[Place, Mapping[int, int]]:
    """Of containers, from one metric."""
    found: dict[Place, dict[int, int]] = {}
    for each in series:
        pod, container = each.labels.get("pod"), each.labels.get("container")
        if pod and container:
            found.setdefault((pod, container), {}).update(amounts(each))
    return found


def limits_by_pod(series: Iterable[Hourly]) -> Mapping[str, Mapping[int, int]]:
    """Of pods."""
    return {each.labels["pod"]: amounts(each) for each in series if each.labels.get("pod")}


def kills_of(series: KillSeries, limits: Limits, first_hour: int) -> Kills:
    """The kills; `first_hour` is the first that was asked for: what a counter stood at then happened before."""
    counts: dict[Place, dict[int, tuple[int, bool]]] = {}
    for witness in (_of_counters(series.by_scope, first_hour), _of_hours(series.events), _of_hours(series.restarts)):
        for place, hours in witness.items():
            counts.setdefault(place, hours)  # one kill is told by several witnesses, each in its own hour
    found: dict[str, list[tuple[OomKill, ...]]] = {}
    left_out = 0
    for place, hours in sorted(counts.items()):
        kills: list[OomKill] = []
        for hour, (count, by_pod) in sorted(hours.items()):
            limit = limits.of(place, hour)
            pod_limit = limits.of_pod(place[0], hour) if by_pod else limit
            if limit is None or pod_limit is None or not is_same_limit(limit, pod_limit):
                left_out += count
                continue
            kills += [OomKill(limit, (hour + 0.5) * HOUR_SECONDS)] * min(count, MOST_AN_HOUR)
        if kills:
            found.setdefault(place[1], []).append(tuple(kills))
    return Kills({name: tuple(replicas) for name, replicas in found.items()}, left_out)


def _of_counters(series: Sequence[Hourly], first_hour: int) -> dict[Place, dict[int, tuple[int, bool]]]:
    """Kills of each hour, and whether a pod's limit is to blame, from totals that begin with the first kill and start anew with
    each agent."""
    found: dict[Place, dict[int, tuple[int, bool]]] = {}
    for each in series:
        place, scope = _place(each), each.labels.get("scope", "")
        if place is None or scope not in _BLAMED:
            continue
        before: float | None = None
        for hour, total in sorted(each.values.items()):
            if before is None and hour <= first_hour:
                count = 0
            else:
                count = int(total - before) if before is not None and total >= before else int(total)
            before = total
            if count > 0:
                known, by_pod = found.setdefault(place, {}).get(hour, (0, True))
                found[place][hour] = (known + count, by_pod and scope == "pod")
    return found


def _of_hours(series: Iterable[Hourly]) -> dict[Place, dict[int, tuple[int, bool]]]:
    """Kills of each hour; increases are extrapolated, so parts of one are one."""
    found: dict[Place, dict[int, tuple[int, bool]]] = {}
    for each in series:
        place = _place(each)
        if place is None:
            continue
        for hour, count in each.values.items():
            if count > 0:
                found.setdefault(place, {})[hour] = (max(1, round(min(count, MOST_AN_HOUR))), False)
    return found


def _place(series: Hourly) -> Place | None:
    pod, container = series.labels.get("pod"), series.labels.get("container")
    return (pod, container) if pod and container else None


def _at(hours: Mapping[int, int], hour: int) -> int | None:
    """The limit of that hour, of the one before where it died within it, or the only one that it ever had."""
    known = [limit for limit in (hours.get(hour), hours.get(hour - 1)) if limit is not None]
    if not known and len(set(hours.values())) == 1:
        known = [next(iter(hours.values()))]
    return known[0] if known and 0 < known[0] <= MAX_BYTES else None
