"""Two memories of one container become one: what a status keeps of it, what this process saw, what a monitoring system recorded.

Neither hides the other: of each day and hour the higher peak stays, of two goes of kills the later, of two proposed limits the
later, of two proposed requests the larger, of what refaults ask for what was tried more. The order does not matter, and what is
known already adds nothing.
"""

from __future__ import annotations

from dataclasses import astuple, replace

from oomsight_operator.judgement.recommend.cache import FORGET_HOURS, KEEP_HOURS, CacheFit, CacheNeed
from oomsight_operator.judgement.recommend.state import State, later_go
from oomsight_operator.judgement.recommend.swapped import Swapped, counted
from oomsight_operator.judgement.recommend.track import (
    HOURS_PER_DAY,
    LEAST_JUMP,
    LEVEL_HOURS,
    DayPeak,
    Jump,
    Track,
    days_kept,
    highest_of_days,
    jumps_kept,
    with_jump,
)


def merged(one: State, other: State) -> State:
    """All that both remember, within the bounds of one; `one` itself where the other adds nothing."""
    proposed, since = max(
        (one.proposed_bytes, one.proposed_since_seconds),
        (other.proposed_bytes, other.proposed_since_seconds),
        key=lambda each: (each[1] is not None, each[1] or 0.0, each[0] or 0),
    )
    both = replace(
        one,
        usage=merged_track(one.usage, other.usage),
        working_set=merged_track(one.working_set, other.working_set),
        unreclaimable=merged_track(one.unreclaimable, other.unreclaimable),
        floor=one.floor if other.floor is None else later_go(one.floor, other.floor),
        proposed_bytes=proposed,
        proposed_since_seconds=since,
        proposed_request_bytes=max((one.proposed_request_bytes or 0, other.proposed_request_bytes or 0)) or None,
        cache=_merged_need(one.cache, other.cache),
        cache_fit=_merged_fit(one.cache_fit, other.cache_fit),
        tells_no_refaults=one.tells_no_refaults or other.tells_no_refaults,
        swapped=_merged_swapped(one.swapped, other.swapped),
    )
    return one if both == one else both


def _merged_need(one: CacheNeed | None, other: CacheNeed | None) -> CacheNeed | None:
    """That which has tried more, unless refaults have begun anew since."""
    if one is None or other is None:
        return one if other is None else other
    last = max(one.last_hour, other.last_hour)
    known = (need for need in (one, other) if last - need.last_hour <= FORGET_HOURS)
    return replace(max(known, key=lambda need: (need.steps, need.tried_hour, astuple(need))), last_hour=last)


def _merged_fit(one: CacheFit | None, other: CacheFit | None) -> CacheFit | None:
    """The larger, unless it is too old."""
    last = max((fit.hour for fit in (one, other) if fit is not None), default=0)
    known = [fit for fit in (one, other) if fit is not None and last - fit.hour <= KEEP_HOURS]
    return max(known, key=lambda fit: (fit.held_bytes, fit.hour), default=None)


def _merged_swapped(one: Swapped | None, other: Swapped | None) -> Swapped | None:
    """The larger, unless it is too old."""
    last = max((each.hour for each in (one, other) if each is not None), default=0)
    known = (kept for each in (one, other) if (kept := counted(each, last)) is not None)
    return max(known, key=lambda each: (each.held_bytes, each.hour, each.swap_bytes), default=None)


def merged_track(one: Track | None, other: Track | None) -> Track | None:
    """One kind of memory. Which hours a track has samples of is known of its newest alone; those before count as one after the
    other, so that a gap makes a peak look younger than it is, never older."""
    if one is None or other is None:
        return one if other is None else other
    older, newer = sorted((one, other), key=_order)
    days = days_kept(highest_of_days((*older.days, *newer.days)), newer.hour // HOURS_PER_DAY)
    before = older.before_hour_bytes if older.hour == newer.hour else _peak_of(older, days)
    both = Track(
        hour=newer.hour,
        hours=_hours(older, newer),
        days=days,
        jumps=_jumps(older, newer, days),
        before_hour_bytes=max(newer.before_hour_bytes, before),
        observed_hours=_observed(older, newer),
        imported_hours=max(older.imported_hours, newer.imported_hours),
    )
    if _went_on(newer, older, both):
        return newer
    return older if _went_on(older, newer, both) else both


def _order(track: Track) -> tuple[object, ...]:
    """The newer last; of equally new ones the one that was watched for longer."""
    return (
        track.hour,
        track.observed_hours,
        track.hours,
        _peaks(track.days),
        tuple((each.hour, each.ratio) for each in track.jumps),
    )


def _went_on(track: Track, other: Track, both: Track) -> bool:
    """Whether it has gone on from the other, or knows as much: then nothing of that is to be counted twice."""
    later = track.observed_hours - other.observed_hours
    if later < 0 or replace(both, hours=track.hours, observed_hours=track.observed_hours) != track:
        return False
    until = track.hours[: len(track.hours) - later] if track.hour > other.hour else track.hours
    return all(own >= peak for own, peak in zip(reversed(until), reversed(other.hours), strict=False))


def _peak_of(track: Track, kept: tuple[DayPeak, ...]) -> int:
    """The highest of its days that are not forgotten; 0 where there is none."""
    days = {day.day for day in kept}
    return max((day.peak_bytes for day in track.days if day.day in days), default=0)


def _peaks(days: tuple[DayPeak, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((each.day, each.peak_bytes) for each in days)


def _by_hour(track: Track) -> dict[int, int]:
    first = track.hour - len(track.hours) + 1
    return {first + index: peak for index, peak in enumerate(track.hours)}


def _hours(older: Track, newer: Track) -> tuple[int, ...]:
    peaks = _by_hour(older)
    for hour, peak in _by_hour(newer).items():
        peaks[hour] = max(peak, peaks.get(hour, 0))
    return tuple(peaks[hour] for hour in sorted(peaks))[-LEVEL_HOURS:]


def _observed(older: Track, newer: Track) -> int:
    """Hours that either has seen: those that both may have seen count once."""
    first = max(older.hour - older.observed_hours, newer.hour - newer.observed_hours)
    return older.observed_hours + newer.observed_hours - max(0, older.hour - first)


def _jumps(older: Track, newer: Track, days: tuple[DayPeak, ...]) -> tuple[Jump, ...]:
    """A rise after what the other had seen is a jump only as far as it exceeds that, too."""
    known = _peak_of(older, days)
    jumps = [*older.jumps]
    for jump in newer.jumps:
        ratio = jump.ratio if jump.hour <= older.hour or not known else min(jump.ratio, newer.peak_bytes / known - 1)
        if ratio > LEAST_JUMP:
            jumps.append(Jump(jump.hour, ratio))
    kept: tuple[Jump, ...] = ()
    for jump in sorted(jumps, key=lambda each: (each.hour, each.ratio)):
        kept = with_jump(kept, jump)
    return jumps_kept(kept, newer.hour // HOURS_PER_DAY)
