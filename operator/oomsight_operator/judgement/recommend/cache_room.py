"""The room for page cache in a recommended limit, as the policy's `pageCache` wants it, and why so much.

- Exclude: none; where refaults say that the limit is too small for its cache, that is told, and what the policy could ask for.
- Working: what is active, as the highest working set has it; and where refaults say that this is not enough, what they ask for,
  as long as it is in use.
- Include: whatever was seen in use, as the highest usage has it; and what refaults ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from oomsight_api.policy import PageCache
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.recommend.cache import (
    FORGET_HOURS,
    GIVEN_SHARE,
    KEEP_HOURS,
    STEP_SHARE,
    CacheNeed,
    room_now,
    room_of_fit,
)
from oomsight_operator.judgement.recommend.context import Kind, cache_kind
from oomsight_operator.judgement.recommend.need import level_of
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.judgement.recommend.swapped import counted
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS, HOURS_PER_DAY
from oomsight_operator.judgement.recommend.words import days_words
from oomsight_operator.judgement.words import format_span

USED_ROOM: Final = 0.1
"""Room that stays above what is in use, as a ratio of it."""
_UNKNOWN: Final = "whether its page cache is enough is unknown: this kernel does not tell refaults (4.20 and later do)"


@dataclass(frozen=True, slots=True)
class CacheRoom:
    """Limits that leave the room which is wanted."""

    least_bytes: int = 0
    """A limit in force must leave so much."""
    target_bytes: int = 0
    why: str = ""
    """Why the target is right; empty where it is 0."""
    note: str = ""
    """What is to be said even where the target changes nothing."""


def cache_room(state: State, page_cache: PageCache, now_seconds: float, *, limited: bool) -> CacheRoom:
    """What the policy wants room for, as far as it is known; `limited`: the container has a limit today."""
    hour = int(now_seconds) // HOUR_SECONDS
    if page_cache is PageCache.EXCLUDE:
        return CacheRoom(note=_left_out(state.cache, hour))
    kind = cache_kind(state, page_cache)
    is_cache_alone = counted(state.swapped, hour) is None
    seen = _seen(kind, _UNKNOWN if limited and state.tells_no_refaults else "", is_cache_alone=is_cache_alone)
    need, level = state.cache, level_of(state.unreclaimable) if state.unreclaimable is not None else None
    if need is None or level is None:
        return seen
    used = int(kind.track.peak_bytes * (1 + USED_ROOM)) - level if kind is not None else 0
    if state.cache_fit is not None and hour - state.cache_fit.hour <= KEEP_HOURS:
        used = max(used, room_of_fit(state.cache_fit))
    room = room_now(need, hour, used)
    if room is None:
        return seen
    if need.is_useless:
        return _as_before(need, seen, level, keeps_all=page_cache is PageCache.INCLUDE)
    if level + room <= seen.target_bytes:
        return seen
    return CacheRoom(max(seen.least_bytes, level + int(room * GIVEN_SHARE)), level + room, _asked(need, room, level, hour))


def _as_before(need: CacheNeed, seen: CacheRoom, level: int, *, keeps_all: bool) -> CacheRoom:
    """More did not help, so there is no room for what was active with more either; with less nobody has tried."""
    room = need.before_bytes
    if keeps_all and seen.target_bytes > level + room:
        return replace(seen, note=_useless(need))
    why = f"{_beside(room, level)}, as before"
    return CacheRoom(level + int(room * GIVEN_SHARE), level + room, why, _useless(need))


def _seen(kind: Kind | None, note: str, *, is_cache_alone: bool) -> CacheRoom:
    """What was seen in use: page cache, and where there is swap, what that could take but is in memory."""
    if kind is None:
        return CacheRoom(note=note)
    peak = kind.track.peak_bytes
    room = "room for page cache as the policy asks" if is_cache_alone else "room for page cache, and for what is not swapped out"
    why = f"{room}: highest {kind.words} {human_bytes(peak)} {days_words(kind.track)}"
    return CacheRoom(peak, peak, why, note)


def _asked(need: CacheNeed, room: int, level: int, hour: int) -> str:
    """Why refaults ask for so much."""
    amount = _beside(room, level)
    if need.is_at_most:
        times = f"{need.tried_bytes / max(1, need.before_bytes):.0f} times what it had"
        return f"{amount}: {_reread(need)}; {_before(need)}: it helps, and no more is asked for, being {times}"
    if need.tried_hour and hour - need.last_hour < HOURS_PER_DAY:
        return f"{amount}: {_reread(need)}; {_before(need)}: more is asked for when a day with it did not help"
    if hour - need.last_hour >= HOURS_PER_DAY:
        return f"{amount}: {_reread(need)}, last seen {format_span((hour - need.last_hour) * HOUR_SECONDS)} ago"
    return f"{amount}: {_reread(need)}; at most {round(STEP_SHARE * 100)} % more at once, then a day shows whether it helps"


def _beside(room: int, level: int) -> str:
    return f"room for {human_bytes(room)} of page cache beside {human_bytes(level)} that cannot be reclaimed"


def _reread(need: CacheNeed) -> str:
    """With how much cache refaults were seen last, and how many."""
    held, rate = (need.tried_bytes, need.tried_rate) if need.tried_bytes else (need.before_bytes, need.before_rate)
    dropped = "were dropped at the limit and read again (highest mean of an hour)"
    return f"with {human_bytes(held)} of it {human_bytes(rate)} a second {dropped}"


def _before(need: CacheNeed) -> str:
    return f"{human_bytes(need.before_rate)} with {human_bytes(need.before_bytes)}"


def _useless(need: CacheNeed) -> str:
    days = FORGET_HOURS // HOURS_PER_DAY
    now = f"{human_bytes(need.tried_rate)} a second are read again with {human_bytes(need.tried_bytes)} of it"
    means = f"{now}, {_before(need)} (highest means of an hour)"
    return (
        f"more page cache does not help: {means}, so it reads through more than that; no more is asked for, tried again after"
        f" {days} days"
    )


def _left_out(need: CacheNeed | None, hour: int) -> str:
    """Said as long as a peak counts."""
    if need is None or hour - need.last_hour > KEEP_HOURS:
        return ""
    if need.is_useless:
        return f"no room for page cache (pageCache: Exclude); {_useless(need)}"
    working = f"if these reads matter, pageCache: Working would leave room for {human_bytes(need.room_bytes)}"
    return f"no room for page cache (pageCache: Exclude): {_reread(need)}; {working}"
