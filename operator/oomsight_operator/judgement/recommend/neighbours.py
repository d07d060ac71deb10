"""What befell other containers of the namespace: how far they jumped lately, in bytes.

What makes a container jump is often not its own: a process that somebody runs in one pod after the other, a backup, an experiment,
a wave of load. Where two neighbours of about its size jumped, the next may be this one. One alone may have had a reason of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, Track

LEAP_HOURS: Final = 3 * HOURS_PER_DAY
"""After so long without another one a neighbour's jump is no matter to others any more."""
ALIKE: Final = 2.0
"""A neighbour up to so many times as large says something: a large one's usual ups and downs would be a small one's ruin."""
NEIGHBOURS_LEAST: Final = 2
"""So many neighbours must have jumped,"""
NEIGHBOURS_SHARE: Final = 0.1
"""and this share of the namespace's containers: in a large namespace some are always jumping."""
LEAPS_MOST: Final = 64
"""Neighbours of a namespace that are looked at: those that jumped last."""


@dataclass(frozen=True, slots=True)
class Leap:
    """A jump in bytes."""

    hour: int
    """Hours since 1970."""
    from_bytes: int
    by_bytes: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another container, and how it jumped lately."""

    workload: str
    """Its uid."""
    container: str
    leaps: tuple[Leap, ...]


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The other containers of a namespace."""

    jumped: tuple[Neighbour, ...] = ()
    known: int = 0
    """Containers that are known, those that did not jump included."""

    @property
    def witnesses(self) -> int:
        """How many must have jumped before it is expected of others."""
        return max(NEIGHBOURS_LEAST, math.ceil(NEIGHBOURS_SHARE * self.known))


NOBODY: Final = Neighbourhood()


@dataclass(frozen=True, slots=True)
class Expected:
    """What neighbours' jumps make likely."""

    by_bytes: int
    """So many and more, after fading."""
    witnesses: int
    age_hours: int
    """Of the latest jump behind it."""


def leaps_of(track: Track | None) -> tuple[Leap, ...]:
    """The jumps of a track that others should know of. The day's peak stands for how far a jump went."""
    if track is None or not track.jumps:
        return ()
    peaks = {day.day: day.peak_bytes for day in track.days}
    found = []
    for jump in track.jumps:
        peak = peaks.get(jump.hour // HOURS_PER_DAY, 0)
        if peak and track.hour - jump.hour < LEAP_HOURS:
            before = int(peak / (1 + jump.ratio))
            found.append(Leap(jump.hour, before, peak - before))
    return tuple(found)


def expected(around: Neighbourhood, level_bytes: int, hour: int, fade_days: float) -> Expected | None:
    """How far enough neighbours of about this size jumped: in full for a day, after two days half; None where too few did."""
    wanted = around.witnesses
    if len(around.jumped) < wanted:
        return None
    furthest = sorted((_furthest(each.leaps, level_bytes, hour, fade_days) for each in around.jumped), reverse=True)[:wanted]
    if furthest[-1][0] <= 0:
        return None
    return Expected(furthest[-1][0], wanted, max(0, hour - max(latest for _, latest in furthest)))


def _furthest(leaps: Iterable[Leap], level_bytes: int, hour: int, fade_days: float) -> tuple[int, int]:
    """Bytes after fading, and the hour; nothing for a neighbour that is much larger."""
    most, largest = (0, 0), ALIKE * level_bytes
    for leap in leaps:
        if leap.from_bytes <= largest and hour - leap.hour < LEAP_HOURS:
            most = max(most, (int(leap.by_bytes / _fading(hour - leap.hour, fade_days)), leap.hour))
    return most


def _fading(age_hours: int, fade_days: float) -> float:
    return max(1.0, age_hours / (HOURS_PER_DAY * fade_days))
