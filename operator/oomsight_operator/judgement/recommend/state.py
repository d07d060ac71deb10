"""What the recommender remembers of one container of a workload: immutable, bounded, updated sample by sample and kill by kill.

All replicas share one state: the worst one is never averaged away, and what one of them learned the others need not learn again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from oomsight_operator.judgement.recommend import cache
from oomsight_operator.judgement.recommend.cache import CacheFit, CacheLook, CacheNeed
from oomsight_operator.judgement.recommend.swapped import Swapped, most_of
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS, Track, dated_until, extended

REPEAT_SECONDS: Final = 86400.0
"""A kill so soon after another one is its repetition."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one replica held in one interval; None where it is not known."""

    time_seconds: float
    usage_bytes: int | None = None
    """The highest, page cache included."""
    working_set_bytes: int | None = None
    unreclaimable_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class OomKill:
    """A kill by a limit: the container's own, or its pod's. One because the node ran out is no matter of the limit."""

    limit_bytes: int
    time_seconds: float


@dataclass(frozen=True, slots=True)
class OomFloor:
    """Limits that killed, which a recommendation must not lead to again."""

    killing_limit_bytes: int
    """The highest of the latest go."""
    last_seconds: float
    """Time of the latest kill."""
    repeats: int = 1
    """Kills of the worst replica in one go, each within a day of the one before."""
    imported: bool = False
    """Not seen by us: a monitoring system remembers them."""


@dataclass(frozen=True, slots=True)
class State:
    """Everything that is remembered. A kind of memory that was never told is None."""

    usage: Track | None = None
    working_set: Track | None = None
    unreclaimable: Track | None = None
    floor: OomFloor | None = None
    proposed_bytes: int | None = None
    """The limit that is proposed for the workload: it stays until it is too low, or much too high."""
    proposed_since_seconds: float | None = None
    proposed_request_bytes: int | None = None
    """The same of the request."""
    cache: CacheNeed | None = None
    """What refaults ask for; None while there were none."""
    cache_fit: CacheFit | None = None
    """Page cache that was enough."""
    tells_no_refaults: bool = False
    """The kernel that it was seen on last does not count them, so that it is not known whether its page cache is enough."""
    swapped: Swapped | None = None
    """None while nothing was swapped out, or could be."""


NOTHING: Final = State()


def brought_back(state: State, now_seconds: float) -> State:
    """The state with what lies in the future dated to now: the clock was ahead, and waiting for those times to pass would freeze
    everything. Nothing is forgotten; the same state where nothing lies ahead."""
    hour = int(now_seconds) // HOUR_SECONDS
    usage, working_set = dated_until(state.usage, hour), dated_until(state.working_set, hour)
    unreclaimable = dated_until(state.unreclaimable, hour)
    floor, since, need, fit = state.floor, state.proposed_since_seconds, state.cache, state.cache_fit
    if floor is not None and floor.last_seconds > now_seconds:
        floor = replace(floor, last_seconds=now_seconds)
    if since is not None and since > now_seconds:
        since = now_seconds
    if need is not None and max(need.last_hour, need.tried_hour) > hour:
        need = replace(need, last_hour=min(need.last_hour, hour), tried_hour=min(need.tried_hour, hour))
    if fit is not None and fit.hour > hour:
        fit = replace(fit, hour=hour)
    swapped = state.swapped
    if swapped is not None and swapped.hour > hour:
        swapped = replace(swapped, hour=hour)
    before = (state.usage, state.working_set, state.unreclaimable, state.floor, state.proposed_since_seconds, state.cache)
    after = (usage, working_set, unreclaimable, floor, since, need)
    if fit is state.cache_fit and swapped is state.swapped and all(one is other for one, other in zip(after, before, strict=True)):
        return state
    return replace(
        state,
        usage=usage,
        working_set=working_set,
        unreclaimable=unreclaimable,
        floor=floor,
        proposed_since_seconds=since,
        cache=need,
        cache_fit=fit,
        swapped=swapped,
    )


def observe(state: State, sample: Sample) -> State:
    """Take in one sample of one replica; the same state when it tells nothing new."""
    hour = int(sample.time_seconds) // HOUR_SECONDS
    usage = extended(state.usage, sample.usage_bytes, hour)
    working_set = extended(state.working_set, sample.working_set_bytes, hour)
    unreclaimable = extended(state.unreclaimable, sample.unreclaimable_bytes, hour)
    if usage is state.usage and working_set is state.working_set and unreclaimable is state.unreclaimable:
        return state
    return replace(state, usage=usage, working_set=working_set, unreclaimable=unreclaimable)


def on_refaults(state: State, look: CacheLook | None, untold: bool | None, fit: CacheFit | None = None) -> State:
    """Take in what one look at one replica says of its page cache; the same state when it tells nothing new.

    `look` where it is too small, `fit` where it is enough. `untold`: its kernel counts no refaults; None where that is not known.
    """
    need = cache.observed(state.cache, look, state.cache_fit) if look is not None else state.cache
    enough = cache.fitted(state.cache_fit, fit) if fit is not None else state.cache_fit
    told_no = state.tells_no_refaults if untold is None else untold
    if (need, enough, told_no) == (state.cache, state.cache_fit, state.tells_no_refaults):
        return state
    return replace(state, cache=need, cache_fit=enough, tells_no_refaults=told_no)


def on_swap(state: State, now: Swapped | None) -> State:
    """Take in what one replica holds in memory and swap together; the same state when it tells nothing new."""
    most = most_of(state.swapped, now)
    return state if most is state.swapped else replace(state, swapped=most)


def propose(state: State, limit_bytes: int, time_seconds: float) -> State:
    """Note the limit that is proposed; the same state when it is proposed already."""
    if limit_bytes == state.proposed_bytes:
        return state
    return replace(state, proposed_bytes=limit_bytes, proposed_since_seconds=time_seconds)


def propose_request(state: State, request_bytes: int) -> State:
    """Note the request that is proposed; the same state when it is proposed already."""
    return state if request_bytes == state.proposed_request_bytes else replace(state, proposed_request_bytes=request_bytes)


def on_oom(state: State, kills: Sequence[OomKill]) -> State:
    """Take in the kills of one replica, all that are known, oldest first; the same state when none is new.

    Tracks keep what samples showed: a burst that no sample saw asks for a limit, not for a request.
    """
    if not kills:
        return state
    floor = later_go(state.floor, _latest_go(kills))
    return state if floor == state.floor else replace(state, floor=floor)


def _latest_go(kills: Sequence[OomKill]) -> OomFloor:
    """The latest kills that followed one upon the other."""
    last = kills[-1]
    limit, repeats, before = last.limit_bytes, 0, last.time_seconds
    for kill in reversed(kills):
        if before - kill.time_seconds > REPEAT_SECONDS:
            break
        limit, repeats, before = max(limit, kill.limit_bytes), repeats + 1, kill.time_seconds
    return OomFloor(limit, last.time_seconds, repeats)


def later_go(one: OomFloor | None, other: OomFloor) -> OomFloor:
    """Of two goes the later counts; of two at once the worse in everything."""
    if one is None or other.last_seconds - one.last_seconds > REPEAT_SECONDS:
        return other
    if one.last_seconds - other.last_seconds > REPEAT_SECONDS:
        return one
    return OomFloor(
        max(one.killing_limit_bytes, other.killing_limit_bytes),
        max(one.last_seconds, other.last_seconds),
        max(one.repeats, other.repeats),
        one.imported and other.imported,
    )
