"""How much page cache a container needs, learned from refaults: pages that were dropped at its limit and had to be read again.

Neither usage nor working set tells it. A cache fills whatever it gets, and what reads a file over and over that does not fit keeps
hardly any page active: a working set of 0.4Mi at a limit of 48Mi, and 46Mi inactive (kernel 6.18, a file of 80Mi). Nor does the
number of refaults: it was the same at 48Mi and at 72Mi, and nothing from 88Mi on. Only trying tells. So the room grows in steps,
each after the one before was really given. Where two of them did not lower the refaults, it goes back to what it was; where they
do, it grows to five times of that at most, since a reader that had less of the processor for a while reads less, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from oomsight_operator.judgement.recommend.track import HOUR_SECONDS, HOURS_PER_DAY, MAX_BYTES, PEAK_DAYS
from oomsight_operator.judgement.rounding import MEBIBYTE

STEP_SHARE: Final = 0.5
"""Of the cache that it has, how much more is asked for at once at most."""
STEP_LEAST_BYTES: Final = 16 * MEBIBYTE
"""So that what has next to no cache does not grow for weeks."""
GIVEN_SHARE: Final = 0.9
"""Of the room that was asked for, how much counts as given."""
LOWER_SHARE: Final = 0.8
"""Refaults of so much of what they were at first count as lower after two steps; after each further one of so much of that."""
FIRST_VERDICT: Final = 2
"""Steps before it is asked whether they help: 2.25 times the cache (1.5 times 1.5)."""
MOST_STEPS: Final = 4
"""Five times the cache."""
FIT_ROOM: Final = 1.1
"""For cache that is known to have been enough."""
FIT_LEAST_BYTES: Final = STEP_LEAST_BYTES
"""Less is not worth remembering: a step gives as much."""
MORE_SHARE: Final = 1.05
"""What is less above what is known is no news."""
KEEP_HOURS: Final = PEAK_DAYS * HOURS_PER_DAY
"""So long the room is kept after the last refaults, as a peak is; then it halves every week, down to what is seen in use of it."""
HALF_LIFE_HOURS: Final = 7 * HOURS_PER_DAY
FORGET_HOURS: Final = 28 * HOURS_PER_DAY
"""After so long without refaults they begin anew; and after so long it is tried again whether more cache helps."""


@dataclass(frozen=True, slots=True)
class CacheLook:
    """One replica that lives from page cache which its limit has no room for."""

    hour: int
    """Hours since 1970."""
    held_bytes: int
    """What its limit leaves for page cache: all that the kernel could reclaim, when usage stands at the limit."""
    reread_bytes_per_second: int
    """Dropped at the limit and read again: the mean of an hour."""


@dataclass(frozen=True, slots=True)
class CacheFit:
    """Page cache that was enough: as much of it was held below the limit, so that none was dropped, and next to none read again."""

    hour: int
    """Hours since 1970, a day late at most."""
    held_bytes: int
    """The most of the last 14 days."""


@dataclass(frozen=True, slots=True)
class CacheNeed:
    """What the refaults of all replicas ask for."""

    room_bytes: int
    """For page cache; `before_bytes` where more did not help."""
    before_bytes: int
    """The cache that it had when refaults were seen first."""
    before_rate: int
    """Bytes a second that were read again with it: the highest mean of an hour."""
    last_hour: int
    """Of the latest refaults."""
    steps: int = 1
    """How many were asked for; one more than there are where the last was given, helps, and is not enough."""
    tried_bytes: int = 0
    """The cache with the latest step that was given; 0 where none was yet."""
    tried_rate: int = 0
    """What was read again with it, as above."""
    tried_hour: int = 0
    """Since when this step is given and there are refaults all the same; 0 while it is not. Where more did not help: when that was
    judged."""

    @property
    def is_useless(self) -> bool:
        """More cache did not help."""
        return self.room_bytes <= self.before_bytes

    @property
    def is_at_most(self) -> bool:
        """More is not asked for, though it did help."""
        return self.steps > MOST_STEPS


def fitted(fit: CacheFit | None, now: CacheFit) -> CacheFit:
    """Take in what fits now; the same object where it tells nothing new."""
    if fit is None or now.hour - fit.hour > KEEP_HOURS or now.held_bytes > fit.held_bytes * MORE_SHARE:
        return now
    is_as_much = now.held_bytes >= fit.held_bytes * GIVEN_SHARE
    return replace(fit, hour=now.hour) if is_as_much and now.hour - fit.hour >= HOURS_PER_DAY else fit


def observed(need: CacheNeed | None, look: CacheLook, fit: CacheFit | None = None) -> CacheNeed:
    """Take in one look; an equal value where it tells nothing new. `fit`: what was enough before, with a higher limit."""
    if need is None or _is_anew(need, look):
        return _begun(look, fit)
    need = replace(need, last_hour=max(need.last_hour, look.hour))
    if need.is_useless:
        return replace(need, tried_hour=look.hour) if _is_stale(need, look.hour) else need
    rate = _rounded(look.reread_bytes_per_second)
    if need.is_at_most:
        return need
    if look.held_bytes < need.room_bytes * GIVEN_SHARE:
        return need if need.tried_hour or need.steps > 1 else replace(need, before_rate=max(need.before_rate, rate))
    if not need.tried_hour:
        return replace(need, tried_bytes=look.held_bytes, tried_rate=rate, tried_hour=look.hour)
    need = replace(need, tried_bytes=max(need.tried_bytes, look.held_bytes), tried_rate=max(need.tried_rate, rate))
    return need if look.hour - need.tried_hour < HOURS_PER_DAY else _judged(need, look)


def room_now(need: CacheNeed, hour: int, used_bytes: int) -> int | None:
    """What is left of the room, no less than what is seen in use of it (`used_bytes`); None where nothing is left to be said."""
    idle = hour - need.last_hour
    if need.is_useless:
        return None if _is_stale(need, hour) else need.before_bytes
    share: float = 0.5 ** (max(0, idle - KEEP_HOURS) / HALF_LIFE_HOURS) if idle <= FORGET_HOURS else 0.0
    faded = int(need.room_bytes * share)
    room = max(faded, min(need.room_bytes, used_bytes))
    return room if room > 0 else None


def _is_stale(need: CacheNeed, hour: int) -> bool:
    return need.is_useless and hour - need.tried_hour > FORGET_HOURS


def _is_anew(need: CacheNeed, look: CacheLook) -> bool:
    """Whether what was learned is too old, and is not what the limit has room for all the same: that would grow without end."""
    if need.is_useless:
        return _is_stale(need, look.hour) and look.held_bytes < need.tried_bytes * GIVEN_SHARE
    return look.hour - need.last_hour > FORGET_HOURS and look.held_bytes < need.room_bytes * GIVEN_SHARE


def _begun(look: CacheLook, fit: CacheFit | None) -> CacheNeed:
    rate = _rounded(look.reread_bytes_per_second)
    known = room_of_fit(fit) if fit is not None and look.hour - fit.hour <= FORGET_HOURS else 0
    return CacheNeed(max(known, _more(look.held_bytes, rate)), look.held_bytes, rate, look.hour)


def room_of_fit(fit: CacheFit) -> int:
    """What fits, and a little."""
    return min(int(fit.held_bytes * FIT_ROOM), MAX_BYTES)


def _judged(need: CacheNeed, look: CacheLook) -> CacheNeed:
    """A day passed with the step given: did it help? The next one, or none any more."""
    wanted: float = need.before_rate * LOWER_SHARE ** (need.steps - 1)
    if need.steps >= FIRST_VERDICT and need.tried_rate > wanted:
        return replace(need, room_bytes=need.before_bytes, tried_hour=look.hour)
    if need.steps >= MOST_STEPS:
        return replace(need, steps=MOST_STEPS + 1)
    return replace(need, room_bytes=_more(need.tried_bytes, need.tried_rate), steps=need.steps + 1, tried_hour=0)


def _more(held: int, rate: int) -> int:
    """One step: no more than what is read again within an hour would take."""
    step = min(rate * HOUR_SECONDS, max(int(held * STEP_SHARE), STEP_LEAST_BYTES))
    return min(held + step, MAX_BYTES)


def _rounded(rate: int) -> int:
    """To two digits: what trembles is no news."""
    unit: int = 10 ** max(0, len(str(rate)) - 2)
    return round(rate / unit) * unit
