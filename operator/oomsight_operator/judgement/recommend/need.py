"""How much memory a container needs, from what is remembered of it. Two rules, and the larger number counts:

- *the level and a jump*: the median of the last day's hourly peaks, or what it holds now if that is more, and room for one jump;
- *the highest peak of 14 days, and a little*: long peaks are never hidden, but what already happened needs little room above it.

Each gives two numbers: the least that a limit in force must leave, or it is raised at once, and the target it is then set to.
Between the two nothing changes: that keeps limits steady. Jumps cannot be foreseen, so their size is learned: from the container's
own past ones, from what a process started beside it costs, and, while little was seen, from what all containers do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, Track
from oomsight_operator.judgement.rounding import MEBIBYTE


@dataclass(frozen=True, slots=True)
class Tuning:
    """The constants of the statistics; docs/recommender.md says how each was found. Ratios: 0.1 is ten percent."""

    level_quantile: float = 0.5
    level_least: float = 0.05
    """Room above the level that a limit always leaves."""
    level_extra: float = 0.04
    """By how much the target leaves more than the least, so that a slow ramp does not change the limit every hour."""
    peak_least: float = 0.05
    peak_target: float = 0.1
    """Room above the highest peak."""
    cold_start: float = 0.14
    """Room above the level for what any container may do, while little was seen of this one."""
    cold_start_hours: float = 4.0
    """So long all of it; then it shrinks as hours are seen: the more of them, the less likely a record in the next one."""
    process_bytes: float = 7 * MEBIBYTE
    """Of a process started beside the workload (a probe, an exec, a backup): seen as five-minute peaks of 6 to 7 MiB."""
    jump_fade_days: float = 1.0
    """After so long half of a past jump is expected again."""
    jump_least_share: float = 0.5
    """Of the room for a jump, how much must be left before the limit is raised."""
    room_most: float = 0.22
    """The most that is left for a jump or a process, as no more than one in a hundred days asks for more."""
    bumps: tuple[float, ...] = (0.25, 0.5, 1.0)
    """Room above a limit that killed: after the first kill, the second, and every further one."""
    bump_least_bytes: float = 16 * MEBIBYTE
    bump_half_life_days: float = 7.0
    lower_beyond: float = 0.1
    """A limit is lowered when it is more than this above the target."""


DEFAULT: Final = Tuning()


class Reason(StrEnum):
    """Why room is left above the level."""

    ALWAYS = "always"
    COLD_START = "cold start"
    PROCESS = "process"
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


@dataclass(frozen=True, slots=True)
class Need:
    """What one kind of memory says that a limit must leave room for."""

    level_bytes: int
    peak_bytes: int
    room: Room
    """The largest."""
    least_bytes: int
    target_bytes: int
    observed_hours: int


def need_of(track: Track, tuning: Tuning = DEFAULT, kin: Track | None = None) -> Need:
    """The need by one kind of memory; `kin` has more evidence of jumps: that of all replicas where `track` is of one."""
    evidence = kin if kin is not None else track
    level, peak = level_of(track, tuning), track.peak_bytes
    rooms = _rooms(evidence, max(track.hour, evidence.hour), level, tuning)
    least = max(peak * (1 + tuning.peak_least), level * (1 + max(room.least for room in rooms)))
    largest = max(rooms, key=lambda room: room.target)
    target = max(peak * (1 + tuning.peak_target), level * (1 + largest.target + tuning.level_extra))
    return Need(level, peak, largest, int(least), int(target), evidence.observed_hours)


def level_of(track: Track, tuning: Tuning = DEFAULT) -> int:
    """The median of the last day's hourly peaks, or the peak of this hour, whichever is more."""
    past = sorted(track.hours[:-1])
    usual = past[min(len(past) - 1, int(tuning.level_quantile * len(past)))] if past else 0
    return max(usual, track.hours[-1])


def _rooms(evidence: Track, hour: int, level: int, tuning: Tuning) -> list[Room]:
    rooms = [Room(Reason.ALWAYS, tuning.level_least, tuning.level_least)]
    cold = tuning.cold_start * min(1.0, tuning.cold_start_hours / evidence.observed_hours)
    rooms.append(Room(Reason.COLD_START, cold, cold))
    if level > 0:
        process = min(tuning.room_most, tuning.process_bytes / level)
        rooms.append(Room(Reason.PROCESS, process, process))
    for jump in evidence.jumps:
        age = max(0, hour - jump.hour)
        ratio = min(tuning.room_most, jump.ratio / (1 + age / (HOURS_PER_DAY * tuning.jump_fade_days)))
        rooms.append(Room(Reason.JUMP, ratio * tuning.jump_least_share, ratio, jump.ratio, age))
    return rooms
