"""Who jumped lately in each namespace, for the engine: what one workload showed warns the others. Bounded; nothing of it is kept on
its own, since the states that it comes from are."""

from __future__ import annotations

from collections.abc import Mapping

from oomsight_operator.judgement.recommend.context import needed_kind
from oomsight_operator.judgement.recommend.neighbours import (
    LEAP_HOURS,
    LEAPS_MOST,
    NOBODY,
    Leap,
    Neighbour,
    Neighbourhood,
    leaps_of,
)
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS, Track

FORGET_SECONDS = LEAP_HOURS * HOUR_SECONDS
"""A container that was not judged for so long is no neighbour any more."""
MOST_KNOWN = 4096
"""Containers of a namespace; of more those judged longest ago are forgotten."""
_Key = tuple[str, str]
"""Uid of the workload, and the container's name."""


class _Namespace:
    """Its containers, that judged longest ago first."""

    def __init__(self) -> None:
        self.judged: dict[_Key, tuple[float, State]] = {}
        """When, and what was known of it then: the same state tells the same jumps."""
        self.leaps: dict[_Key, tuple[Leap, ...]] = {}
        """Of those that jumped."""
        self.latest: tuple[Neighbour, ...] | None = None
        """Those that jumped last; None: to be found anew."""

    def told(self, key: _Key, state: State, track: Track, now_seconds: float) -> None:
        _, before = self.judged.pop(key, (0.0, None))
        self.judged[key] = (now_seconds, state)
        if before is not state:
            self._jumped(key, leaps_of(track))
        oldest, (judged, _) = next(iter(self.judged.items()))
        if now_seconds - judged > FORGET_SECONDS or len(self.judged) > MOST_KNOWN:
            del self.judged[oldest]
            if self.leaps.pop(oldest, ()):
                self.latest = None

    def _jumped(self, key: _Key, leaps: tuple[Leap, ...]) -> None:
        if self.leaps.get(key, ()) == leaps:
            return
        self.latest = None
        if leaps:
            self.leaps[key] = leaps
        else:
            del self.leaps[key]

    def found(self) -> tuple[Neighbour, ...]:
        if self.latest is None:
            latest = sorted(self.leaps.items(), key=lambda item: max(leap.hour for leap in item[1]), reverse=True)
            self.latest = tuple(Neighbour(workload, container, leaps) for (workload, container), leaps in latest[:LEAPS_MOST])
        return self.latest


class Neighbourhoods:
    """By namespace. For one event loop; times are of one monotonic clock."""

    def __init__(self) -> None:
        self._namespaces: dict[str, _Namespace] = {}

    def of(self, namespace: str, workload_uid: str) -> Neighbourhood:
        """All but the workload's own containers, whose replicas share what they learn anyway."""
        known = self._namespaces.get(namespace)
        if known is None:
            return NOBODY
        return Neighbourhood(tuple(each for each in known.found() if each.workload != workload_uid), len(known.judged))

    def take(self, namespace: str, workload_uid: str, learned: Mapping[str, State], now_seconds: float) -> None:
        """What is known of a workload's containers now."""
        for container, state in learned.items():
            kind = needed_kind(state)
            if kind is not None:
                known = self._namespaces.setdefault(namespace, _Namespace())
                known.told((workload_uid, container), state, kind.track, now_seconds)

    def forget(self, namespace: str) -> None:
        """It is gone."""
        self._namespaces.pop(namespace, None)
