"""The memory of one kind (usage, working set, unreclaimable) over time: hourly and daily peaks, and how far they jumped. Bounded.

All replicas feed one track, so that the worst one is never averaged away: of each hour and day the highest of any of them is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

HOUR_SECONDS: Final = 3600
HOURS_PER_DAY: Final = 24
LEVEL_HOURS: Final = 24
"""Hours whose peaks make the usual level: a whole daily cycle."""
PEAK_DAYS: Final = 14
"""Days whose highest peak is kept: two weekly cycles, so that one week without its peak (a holiday) does not forget it."""
LEAST_DAYS: Final = 2
"""Observed days that are kept however old they are: after weeks without an agent the last days seen are still the best evidence."""
LEAST_JUMP: Final = 0.01
"""A peak less than this above all before it is no jump but noise."""
JUMPS_AFTER_HOURS: Final = 2
"""Hours seen before a rise counts as a jump: what rises until then is the start."""
MAX_BYTES: Final = 1 << 60
"""More than any machine has: what says more is a counter without a limit, or nonsense."""


@dataclass(frozen=True, slots=True)
class DayPeak:
    """The highest peak of one day (days since 1970, UTC)."""

    day: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Jump:
    """By how much all peaks before were exceeded within one hour (hours since 1970): 0.2 is a fifth."""

    hour: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Track:
    """What is remembered of one kind of memory."""

    hour: int
    """Hours since 1970 of the newest sample."""
    hours: tuple[int, ...]
    """Peaks of the latest hours that had samples, newest last: the current one."""
    days: tuple[DayPeak, ...]
    """Oldest first."""
    jumps: tuple[Jump, ...] = ()
    """The largest jump of each day, oldest first, each smaller than the one before."""
    before_hour_bytes: int = 0
    """The highest peak before the current hour; 0 where there is none."""
    observed_hours: int = 1
    """Hours that had samples, all in all."""
    imported_hours: int = 0
    """Those of them that were not watched by us but taken in from a monitoring system's history (history.py)."""

    @property
    def peak_bytes(self) -> int:
        """The highest of all days kept."""
        return max([day.peak_bytes for day in self.days])


def extended(track: Track | None, amount_bytes: int | None, hour: int) -> Track | None:
    """The track with one more sample; the same object when it tells nothing new. A sample that comes late counts for now."""
    if amount_bytes is None or amount_bytes < 0:
        return track
    amount = min(amount_bytes, MAX_BYTES)
    if track is None:
        return Track(hour, (amount,), (DayPeak(hour // HOURS_PER_DAY, amount),))
    if hour > track.hour:
        track = _next_hour(track, hour)
    elif amount <= track.hours[-1]:
        return track
    return _raised(track, amount)


def _next_hour(track: Track, hour: int) -> Track:
    day = hour // HOURS_PER_DAY
    days = track.days
    if day > days[-1].day:
        days = days_kept((*days, DayPeak(day, 0)), day)
    return replace(
        track,
        hour=hour,
        hours=(*track.hours, 0)[-LEVEL_HOURS:],
        days=days,
        jumps=jumps_kept(track.jumps, day),
        before_hour_bytes=track.peak_bytes if days is track.days else max(each.peak_bytes for each in days),
        observed_hours=track.observed_hours + 1,
    )


def dated_until(track: Track | None, hour: int) -> Track | None:
    """The track with what lies after `hour` dated to it; the same object where nothing does."""
    if track is None or track.hour <= hour:
        return track
    today = hour // HOURS_PER_DAY
    days = highest_of_days([replace(each, day=min(each.day, today)) for each in track.days])
    jumps: tuple[Jump, ...] = ()
    for jump in track.jumps:
        jumps = with_jump(jumps, Jump(min(jump.hour, hour), jump.ratio))
    return replace(track, hour=hour, days=days, jumps=jumps)


def highest_of_days(peaks: Iterable[DayPeak]) -> tuple[DayPeak, ...]:
    """Of each day its highest, oldest first."""
    highest: dict[int, int] = {}
    for each in peaks:
        highest[each.day] = max(each.peak_bytes, highest.get(each.day, 0))
    return tuple(DayPeak(day, highest[day]) for day in sorted(highest))


def days_kept(days: tuple[DayPeak, ...], today: int) -> tuple[DayPeak, ...]:
    """Those that are not forgotten yet."""
    return tuple(each for each in days if each.day > today - PEAK_DAYS or each in days[-LEAST_DAYS:])[-PEAK_DAYS:]


def jumps_kept(jumps: tuple[Jump, ...], today: int) -> tuple[Jump, ...]:
    """Those that are not forgotten yet."""
    return tuple(jump for jump in jumps if jump.hour // HOURS_PER_DAY > today - PEAK_DAYS)


def _raised(track: Track, amount: int) -> Track:
    """The current hour's peak is `amount` at least."""
    today = track.days[-1]
    days = track.days if amount <= today.peak_bytes else (*track.days[:-1], DayPeak(today.day, amount))
    jumps = track.jumps
    before = track.before_hour_bytes
    if before and track.observed_hours > JUMPS_AFTER_HOURS and amount > before * (1 + LEAST_JUMP):
        jumps = with_jump(jumps, Jump(track.hour, amount / before - 1))
    return replace(track, hours=(*track.hours[:-1], max(amount, track.hours[-1])), days=days, jumps=jumps)


def with_jump(jumps: tuple[Jump, ...], jump: Jump) -> tuple[Jump, ...]:
    """Of each day the largest is kept; an older and smaller one will never again ask for more than this one, and goes."""
    last = jumps[-1] if jumps else None
    if last is not None and last.hour // HOURS_PER_DAY == jump.hour // HOURS_PER_DAY and last.ratio >= jump.ratio:
        return jumps
    return (*(each for each in jumps if each.ratio > jump.ratio), jump)[-PEAK_DAYS:]
