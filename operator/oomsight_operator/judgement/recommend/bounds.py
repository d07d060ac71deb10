"""Between which two amounts a limit is left as it is, and what becomes of it outside: raised at once, lowered slowly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from oomsight_operator.judgement.recommend.need import DEFAULT, Need, Tuning, need_of
from oomsight_operator.judgement.recommend.neighbours import NOBODY, Neighbourhood
from oomsight_operator.judgement.recommend.state import OomFloor
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS, HOURS_PER_DAY, Track

DAY_SECONDS: Final = 86400.0
SETTLED_HOURS: Final = HOURS_PER_DAY + 2
"""Hours to be seen before anything is lowered: a day shows the daily peak, and of the first hour and the latest a part was seen."""
FORGET_FLOOR_DAYS: Final = 28


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a limit must leave at least (`least_bytes`), and what it is set to when it is changed."""

    least_bytes: int
    target_bytes: int
    need: Need | None
    """None where no memory was seen yet."""
    floor_bytes: int | None
    """What the kills by a limit ask for."""


def bounds_of(
    track: Track | None,
    floor: OomFloor | None,
    now_seconds: float,
    tuning: Tuning = DEFAULT,
    neighbours: Neighbourhood = NOBODY,
) -> Bounds:
    """The bounds by one kind of memory and the kills."""
    need = need_of(track, int(now_seconds) // HOUR_SECONDS, tuning, neighbours) if track is not None else None
    asked = floor_bytes(floor, now_seconds, tuning) if floor is not None else None
    least, target = (need.least_bytes, need.target_bytes) if need is not None else (0, 0)
    return Bounds(max(least, asked or 0), max(target, asked or 0), need, asked)


def floor_bytes(floor: OomFloor, now_seconds: float, tuning: Tuning = DEFAULT) -> int | None:
    """The killing limit and its bump, which repetition raises (to twice the limit at most) and, from a day without a kill on, time
    takes back; None at last."""
    days = max(0.0, now_seconds - floor.last_seconds) / DAY_SECONDS
    if days > FORGET_FLOOR_DAYS:
        return None
    faded = 0.5 ** (max(0.0, days - 1) / tuning.bump_half_life_days)
    bump = max(floor.killing_limit_bytes * bump_of(floor, tuning), tuning.bump_least_bytes)
    return floor.killing_limit_bytes + int(bump * faded)


def bump_of(floor: OomFloor, tuning: Tuning = DEFAULT) -> float:
    """The room above the killing limit right after the kill, as a ratio."""
    return tuning.bumps[min(floor.repeats, len(tuning.bumps)) - 1]


def settle(
    bounds: Bounds,
    limit_bytes: int | None,
    limit_since_seconds: float | None,
    now_seconds: float,
    *,
    may_lower: bool,
    tuning: Tuning = DEFAULT,
) -> int:
    """The limit to have, given the one in force."""
    if limit_bytes is None or limit_bytes < bounds.least_bytes:
        return bounds.target_bytes
    if not may_lower or limit_bytes <= bounds.target_bytes * (1 + tuning.lower_beyond):
        return limit_bytes
    held = limit_since_seconds is not None and now_seconds - limit_since_seconds >= DAY_SECONDS
    return bounds.target_bytes if held else limit_bytes
