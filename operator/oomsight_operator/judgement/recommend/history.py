"""What a monitoring system remembers of a workload's container from before we watched it, as a state to merge (merging.py). Pure.

What we learned ourselves is never replaced: only older hours are told, whatever is said of the hours since is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from oomsight_operator.judgement.recommend.context import needed_kind
from oomsight_operator.judgement.recommend.state import NOTHING, OomFloor, OomKill, State, later_go, on_oom
from oomsight_operator.judgement.recommend.track import (
    HOUR_SECONDS,
    HOURS_PER_DAY,
    MAX_BYTES,
    PEAK_DAYS,
    Track,
    extended,
)

HISTORY_HOURS: Final = PEAK_DAYS * HOURS_PER_DAY
"""Older hours would be forgotten at once."""


@dataclass(frozen=True, slots=True)
class History:
    """The past of one container of a workload: of each hour (hours since 1970) the highest peak of any replica, in bytes."""

    usage: Mapping[int, int] = field(default_factory=dict)
    working_set: Mapping[int, int] = field(default_factory=dict)
    unreclaimable: Mapping[int, int] = field(default_factory=dict)
    kills: tuple[tuple[OomKill, ...], ...] = ()
    """Of each replica that was killed by a limit that is known, oldest first."""

    @property
    def hours(self) -> int:
        """Hours of which anything is known."""
        return len({*self.usage, *self.working_set, *self.unreclaimable})


def lacks_history(state: State, now_seconds: float) -> bool:
    """Whether 14 days of history would tell more than is known, and were not taken in before."""
    kind = needed_kind(state)
    if kind is None:
        return True
    if any(track is not None and track.imported_hours for track in (state.usage, state.working_set, state.unreclaimable)):
        return False
    return _first_hour(kind.track) > int(now_seconds) // HOUR_SECONDS - (PEAK_DAYS - 1) * HOURS_PER_DAY


def past_of(state: State, history: History, now_seconds: float) -> State:
    """What the history tells of the time before the state's own, as a state; empty where it tells nothing. Hours to come are not
    believed, and no history is taken in twice."""
    this_hour = int(now_seconds) // HOUR_SECONDS
    return State(
        usage=_before(state.usage, history.usage, this_hour),
        working_set=_before(state.working_set, history.working_set, this_hour),
        unreclaimable=_before(state.unreclaimable, history.unreclaimable, this_hour),
        floor=_floor(state, history.kills, now_seconds),
    )


def _first_hour(track: Track) -> int:
    """The latest hour that can have been the first one observed. Between the first day kept and then all may be our own."""
    return min(track.hour - track.observed_hours + 1, (track.days[0].day + 1) * HOURS_PER_DAY)


def _before(own: Track | None, hours: Mapping[int, int], this_hour: int) -> Track | None:
    """The track of the hours before its own."""
    if own is not None and own.imported_hours:
        return None
    end = this_hour + 1 if own is None else min(_first_hour(own), this_hour + 1)
    past: Track | None = None
    for hour in sorted(hours):
        if this_hour - HISTORY_HOURS <= hour < end and 0 <= hours[hour] <= MAX_BYTES:
            past = extended(past, hours[hour], hour)
    return replace(past, imported_hours=past.observed_hours) if past is not None else None


def _floor(state: State, replicas: Sequence[Sequence[OomKill]], now_seconds: float) -> OomFloor | None:
    """The kills from before we watched; the worst replica of the latest go counts."""
    own = [track for track in (state.usage, state.working_set, state.unreclaimable) if track is not None]
    end = min((_first_hour(track) * HOUR_SECONDS for track in own), default=now_seconds)
    floor: OomFloor | None = None
    for kills in replicas:
        past = sorted(
            (kill for kill in kills if 0 <= kill.time_seconds <= min(end, now_seconds) and 0 < kill.limit_bytes <= MAX_BYTES),
            key=lambda kill: kill.time_seconds,
        )
        found = on_oom(NOTHING, past).floor
        floor = later_go(floor, found) if found is not None else floor
    return replace(floor, imported=True) if floor is not None else None
