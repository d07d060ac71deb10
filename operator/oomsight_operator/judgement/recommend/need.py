"""How much memory a container needs, from what is remembered of it. Two rules, and the larger number counts:

- *the level and a jump*: the median of the last day's hourly peaks, or what it holds now if that is more, and room for one jump;
- *the highest peak of 14 days, and a little*: long peaks are never hidden, but what already happened needs little room above it;
  the more, the more its hourly peaks swing.

Each gives two numbers: the least that a limit in force must leave, or it is raised at once, and the target it is then set to.
Between the two nothing changes: that keeps limits steady. Jumps cannot be foreseen, so their size is learned: from the container's
own past ones, from those of its neighbours in the namespace, and, while little was seen, from what all containers do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from oomsight_operator.judgement.recommend.neighbours import NOBODY, Neighbourhood, expected
from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, Track
from oomsight_operator.judgement.rounding import MEBIBYTE

SWING_STEPS: Final = 3
"""From one hour to the next, that must have been seen."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The constants of the statistics; docs/recommender.md says how each was found. Ratios: 0.1 is ten percent."""

    level_quantile: float = 0.5
    level_least: float = 0.05
    """Room above the level that a limit always leaves."""
    level_least_bytes: float = 0.75 * MEBIBYTE
    """And in a small container so much: each CPU charges 64 pages ahead (MEMCG_CHARGE_BATCH), and a few threads more count."""
    level_extra: float = 0.035
    """By how much the target leaves more than the least, so that a slow ramp does not change the limit every hour."""
    level_extra_bytes: float = 1.25 * MEBIBYTE
    level_extra_most: float = 0.08
    """And in a small container so much, up to a most: less is not worth a change."""
    peak_least: float = 0.05
    """Room above the highest peak that a limit always leaves."""
    peak_calm: float = 0.05
    peak_swings: float = 2.5
    peak_most: float = 0.115
    """Room that the target leaves above it: in one that is calm so much, and so many times the swing of its hourly peaks more, up
    to a most. What swings exceeds its own record further than what is calm."""
    peak_unknown: float = 0.085
    """And so much while too few hours were seen to know the swing, and above a peak that stands out: usual hours do not tell how
    far the next one of that kind differs."""
    cold_start: float = 0.14
    """Room above the level for what any container may do, while little was seen of this one."""
    process_bytes: float = 7 * MEBIBYTE
    """And in a small container so much: a process started beside it (a probe, an exec, a backup), seen as peaks of 5 to 7 MiB."""
    cold_start_hours: float = 4.0
    """So long all of it; then it shrinks as hours are seen: the more of them, the less likely a record in the next one. Where hours
    went by unwatched, a record in any of them is as likely, so that the room grows again with them."""
    jump_fade_days: float = 1.0
    """After so long half of a past jump is expected again; a neighbour's is expected in full until then."""
    jump_least_share: float = 0.5
    """Of the room for a jump, how much must be left before the limit is raised."""
    jump_told_share: float = 0.25
    """What jumped by so much of what its neighbours did has had its share, and goes by its own jumps."""
    room_most: float = 0.22
    """The most that is left for a jump or a process, as no more than one in a hundred days asks for more."""
    bumps: tuple[float, ...] = (0.25, 0.5, 1.0)
    """Room above a limit that killed: after the first kill, the second, and every further one."""
    bump_least_bytes: float = 16 * MEBIBYTE
    """A small container that was killed while it started needs the rest of its start, and what that is nobody saw."""
    bump_half_life_days: float = 7.0
    lower_beyond: float = 0.15
    """A limit is lowered when it is more than this above the target."""


DEFAULT: Final = Tuning()


class Reason(StrEnum):
    """Why room is left above the level."""

    ALWAYS = "always"
    COLD_START = "cold start"
    UNWATCHED = "unwatched"
    NEIGHBOURS = "neighbours"
    JUMP = "jump"


@dataclass(frozen=True, slots=True)
class Room:
    """Room above the level, as a ratio of it."""

    reason: Reason
    least: float
    target: float
    ratio: float = 0.0
    """Of the past jump behind it."""
    age_hours: int = 0
    """Of that jump, or of the newest sample."""
    by_bytes: int = 0
    """Room that was reckoned in bytes; 0 for a ratio."""
    witnesses: int = 0
    """Neighbours that jumped."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one kind of memory says that a limit must leave room for."""

    level_bytes: int
    peak_bytes: int
    room: Room
    """The largest above the level."""
    extra: float
    """What the target leaves above that, as a ratio of the level."""
    swing: float | None
    """What `swing_of` says; None too where the peak stands out from the level."""
    peak_room: float
    """Room above the peak, as a ratio of it."""
    least_bytes: int
    target_bytes: int
    observed_hours: int


def need_of(track: Track, hour: int | None = None, tuning: Tuning = DEFAULT, neighbours: Neighbourhood = NOBODY) -> Need:
    """The need by one kind of memory, in an hour (since 1970) that may be later than the newest sample's."""
    level, peak = level_of(track, tuning), track.peak_bytes
    rooms = _rooms(track, max(track.hour, hour or 0), level, tuning, neighbours)
    least = max(peak * (1 + tuning.peak_least), level * (1 + max(room.least for room in rooms)))
    largest = max(rooms, key=lambda room: room.target)
    swing = swing_of(track) if peak <= level * (1 + tuning.room_most) else None
    peak_room = tuning.peak_unknown if swing is None else min(tuning.peak_most, tuning.peak_calm + tuning.peak_swings * swing)
    extra = max(tuning.level_extra, min(tuning.level_extra_most, tuning.level_extra_bytes / max(level, 1)))
    target = max(peak * (1 + peak_room), level * (1 + largest.target + extra))
    return Need(level, peak, largest, extra, swing, peak_room, int(least), int(target), track.observed_hours)


def level_of(track: Track, tuning: Tuning = DEFAULT) -> int:
    """The median of the last day's hourly peaks, or the peak of this hour, whichever is more."""
    past = sorted(track.hours[:-1])
    usual = past[min(len(past) - 1, int(tuning.level_quantile * len(past)))] if past else 0
    return max(usual, track.hours[-1])


def swing_of(track: Track) -> float | None:
    """How far one hour's peak usually is from the one before, as a ratio: the median of the last day, without the hour that is not
    over. None while too few hours were seen."""
    past = track.hours[:-1]
    steps = sorted([abs(after - before) / max(after, before, 1) for before, after in pairwise(past)])
    return steps[len(steps) // 2] if len(steps) >= SWING_STEPS else None


def _rooms(track: Track, hour: int, level: int, tuning: Tuning, neighbours: Neighbourhood) -> list[Room]:
    """Each room that there is a reason for; the first one always."""
    rooms = [_at_least(Reason.ALWAYS, tuning.level_least, tuning.level_least_bytes, level, tuning)]
    if level <= 0:
        return rooms
    rooms.append(_unknown(track, hour, level, tuning))
    own = 0.0
    for jump in track.jumps:
        age = max(0, hour - jump.hour)
        ratio = min(tuning.room_most, jump.ratio / (1 + age / (HOURS_PER_DAY * tuning.jump_fade_days)))
        rooms.append(Room(Reason.JUMP, ratio * tuning.jump_least_share, ratio, jump.ratio, age))
        own = max(own, ratio)
    likely = expected(neighbours, level, hour, tuning.jump_fade_days)
    if likely is not None:
        ratio = min(tuning.room_most, likely.by_bytes / level)
        if own < ratio * tuning.jump_told_share:
            room = Room(Reason.NEIGHBOURS, ratio, ratio, 0.0, likely.age_hours, likely.by_bytes, likely.witnesses)
            rooms.append(room)
    return rooms


def _at_least(reason: Reason, ratio: float, least_bytes: float, level: int, tuning: Tuning) -> Room:
    """A ratio, and in a small container so many bytes, within the most that is left."""
    of_bytes = min(tuning.room_most, least_bytes / level) if level > 0 else 0.0
    if of_bytes <= ratio:
        return Room(reason, ratio, ratio)
    return Room(reason, of_bytes, of_bytes, by_bytes=int(least_bytes))


def _unknown(track: Track, hour: int, level: int, tuning: Tuning) -> Room:
    """For what nobody has seen: the whole of it in the first hours, then the more, the more hours went by unwatched."""
    unwatched = max(1, hour - track.hour)
    share = min(1.0, tuning.cold_start_hours * unwatched / track.observed_hours)
    reason = Reason.COLD_START if unwatched == 1 else Reason.UNWATCHED
    whole = _at_least(reason, tuning.cold_start, tuning.process_bytes, level, tuning)
    return Room(reason, whole.least * share, whole.target * share, age_hours=hour - track.hour, by_bytes=whole.by_bytes)
