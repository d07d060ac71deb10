"""A state as a status keeps it: short lists of numbers, from which a restarted operator goes on.

A status may have been written by another version, or by somebody else: what makes no sense is left out, and never believed to be
more than it could be.
"""

from __future__ import annotations

import math
from dataclasses import astuple
from itertools import pairwise
from typing import Final

import msgspec

from oomsight_operator.judgement.recommend.cache import MOST_STEPS, CacheFit, CacheNeed
from oomsight_operator.judgement.recommend.state import NOTHING, OomFloor, State, brought_back
from oomsight_operator.judgement.recommend.swapped import Swapped
from oomsight_operator.judgement.recommend.track import LEVEL_HOURS, MAX_BYTES, PEAK_DAYS, DayPeak, Jump, Track

_MAX_HOUR: Final = 10_000_000
"""After the year 3100."""
_MAX_SECONDS: Final = 3600.0 * _MAX_HOUR
_MOST_THOUSANDTHS: Final = 1_000_000_000
_MOST_REPEATS: Final = 1000
"""Kills in one go; more of them ask for no more."""


class TrackDigest(msgspec.Struct, frozen=True, array_like=True):
    """One kind of memory; times and days count back from `hour`, jumps are in thousandths."""

    hour: int
    observed: int
    before: int
    hours: tuple[int, ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    """Days ago, and the peak."""
    jumps: tuple[tuple[int, int], ...] = ()
    """Hours ago, and the ratio."""
    imported: int = 0


class CacheDigest(msgspec.Struct, frozen=True, array_like=True):
    """What refaults ask for, the fields of a CacheNeed."""

    room: int
    before: int
    rate: int
    last_hour: int
    steps: int = 1
    tried: int = 0
    tried_rate: int = 0
    tried_hour: int = 0


class StateDigest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A state, names as short as the space asks."""

    u: TrackDigest | None = None
    w: TrackDigest | None = None
    n: TrackDigest | None = None
    kill: tuple[int, float, int] | None = None
    """Limit, time, repeats."""
    heard: bool = False
    """The kill is known from a monitoring system."""
    limit: int | None = None
    """Proposed."""
    since: float | None = None
    ask: int | None = None
    """The proposed request."""
    cache: CacheDigest | None = None
    fit: tuple[int, int] | None = None
    """Page cache that was enough: its hour, and how much."""
    untold: bool = False
    """The kernel counts no refaults."""
    swap: tuple[int, int, int] | None = None
    """What was held in memory and swap together: its hour, all of it, and what was swapped out."""


def to_digest(state: State) -> StateDigest:
    """What is kept of a state: everything, ratios of jumps to a thousandth."""
    floor = state.floor
    return StateDigest(
        u=_packed(state.usage),
        w=_packed(state.working_set),
        n=_packed(state.unreclaimable),
        kill=(floor.killing_limit_bytes, floor.last_seconds, floor.repeats) if floor is not None else None,
        heard=floor is not None and floor.imported,
        limit=state.proposed_bytes,
        since=state.proposed_since_seconds,
        ask=state.proposed_request_bytes,
        cache=CacheDigest(*astuple(state.cache)) if state.cache is not None else None,
        fit=astuple(state.cache_fit) if state.cache_fit is not None else None,
        untold=state.tells_no_refaults,
        swap=astuple(state.swapped) if state.swapped is not None else None,
    )


def from_digest(digest: StateDigest, now_seconds: float) -> State:
    """The state that a digest keeps. What lies ahead was dated by a clock that was set back since, and is dated to now."""
    if not math.isfinite(now_seconds):
        return NOTHING
    floor = None
    if digest.kill is not None:
        killing, last, repeats = digest.kill
        if 0 < killing <= MAX_BYTES and 0 <= last <= _MAX_SECONDS and repeats >= 1:
            floor = OomFloor(killing, last, min(repeats, _MOST_REPEATS), digest.heard)
    limit, since = digest.limit, digest.since
    if limit is None or since is None or not (0 < limit <= MAX_BYTES and 0 <= since <= _MAX_SECONDS):
        limit, since = None, None
    state = State(
        usage=_unpacked(digest.u),
        working_set=_unpacked(digest.w),
        unreclaimable=_unpacked(digest.n),
        floor=floor,
        proposed_bytes=limit,
        proposed_since_seconds=since,
        proposed_request_bytes=digest.ask if digest.ask is not None and 0 < digest.ask <= MAX_BYTES else None,
        cache=_need(digest.cache),
        cache_fit=_fit(digest.fit),
        tells_no_refaults=digest.untold,
        swapped=_swapped(digest.swap),
    )
    return brought_back(state, now_seconds)


def _need(digest: CacheDigest | None) -> CacheNeed | None:
    if digest is None:
        return None
    need = CacheNeed(*msgspec.structs.astuple(digest))
    amounts = (need.room_bytes, need.before_bytes, need.before_rate, need.tried_bytes, need.tried_rate)
    hours = (need.last_hour, need.tried_hour)
    if not all(0 <= amount <= MAX_BYTES for amount in amounts) or need.room_bytes < need.before_bytes:
        return None
    if not all(0 <= hour <= _MAX_HOUR for hour in hours) or not 1 <= need.steps <= MOST_STEPS + 1:
        return None
    return need


def _fit(digest: tuple[int, int] | None) -> CacheFit | None:
    if digest is None:
        return None
    hour, held = digest
    return CacheFit(hour, held) if 0 <= hour <= _MAX_HOUR and 0 < held <= MAX_BYTES else None


def _swapped(digest: tuple[int, int, int] | None) -> Swapped | None:
    if digest is None:
        return None
    hour, held, swap = digest
    return Swapped(hour, held, swap) if 0 <= hour <= _MAX_HOUR and 0 <= swap <= held <= MAX_BYTES and held else None


def _packed(track: Track | None) -> TrackDigest | None:
    if track is None:
        return None
    day = track.days[-1].day
    return TrackDigest(
        hour=track.hour,
        observed=track.observed_hours,
        before=track.before_hour_bytes,
        hours=track.hours,
        days=tuple((day - each.day, each.peak_bytes) for each in track.days),
        jumps=tuple((track.hour - jump.hour, round(jump.ratio * 1000)) for jump in track.jumps),
        imported=track.imported_hours,
    )


def _unpacked(digest: TrackDigest | None) -> Track | None:
    if digest is None or not (0 <= digest.hour <= _MAX_HOUR and digest.observed >= 1):
        return None
    newest = digest.hour // 24
    hours = tuple(amount for amount in digest.hours[-LEVEL_HOURS:] if 0 <= amount <= MAX_BYTES)
    days = tuple(
        DayPeak(newest - ago, peak) for ago, peak in digest.days[-PEAK_DAYS:] if 0 <= ago <= newest and 0 <= peak <= MAX_BYTES
    )
    if not hours or not days or days[-1].day != newest or any(one.day >= other.day for one, other in pairwise(days)):
        return None
    jumps = tuple(
        Jump(digest.hour - ago, ratio / 1000)
        for ago, ratio in digest.jumps[-PEAK_DAYS:]
        if 0 <= ago <= _MAX_HOUR and 0 < ratio <= _MOST_THOUSANDTHS
    )
    observed = min(digest.observed, _MAX_HOUR)
    imported = min(max(0, digest.imported), observed)
    return Track(digest.hour, hours, days, jumps, min(max(0, digest.before), MAX_BYTES), observed, imported)
