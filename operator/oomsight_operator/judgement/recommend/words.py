"""How the recommender's numbers are said."""

from __future__ import annotations

from typing import Final, assert_never

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.recommend.need import Need, Reason, Room
from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, PEAK_DAYS, Track

_DAYS_OF_HOURS: Final = 3
"""So many days less than two days of hours touch at most, where nothing lies between; a job of minutes touches more."""
_STEADY: Final = "a ramp must not change it every hour"


def days_words(track: Track) -> str:
    """`in 9 days`, `in 5 hours`: over what the highest peak was sought."""
    if track.observed_hours <= 1:
        return "in the first hour"
    days = track.days[-1].day - track.days[0].day + 1
    if track.observed_hours < 2 * HOURS_PER_DAY and days <= _DAYS_OF_HOURS:
        return f"in {track.observed_hours} hours"
    return f"in {max(2, days)} days"


def level_words(words: str, track: Track, level_bytes: int) -> str:
    """Where the level comes from: `highest working set in the latest hour seen`."""
    if level_bytes <= track.hours[-1]:
        return f"highest {words} in the {'latest' if track.observed_hours > 1 else 'first'} hour seen"
    hours = len(track.hours) - 1
    return f"usual {words} in the {f'{hours} hours' if hours > 1 else 'hour'} seen before the latest"


def imported_words(track: Track) -> str:
    """How much of what is known was not watched by us; empty once all of it was forgotten, or where there is none."""
    if not track.imported_hours or track.observed_hours - track.imported_hours >= PEAK_DAYS * HOURS_PER_DAY:
        return ""
    return f"known for {track.observed_hours} hours, of which {track.imported_hours} hours from Prometheus"


def percent_words(ratio: float) -> str:
    """`3.5 %` of 0.035."""
    return f"{_percent(ratio):g} %"


def _percent(ratio: float) -> float:
    """As it is told: to a tenth."""
    return round(ratio * 100, 1)


def room_words(need: Need) -> str:
    """How much room is left above the level, and why: the whole is what its two parts, rounded as they are told, come to."""
    room, percent = need.room, percent_words(need.room.target)
    whole = _percent(room.target) + _percent(need.extra)
    match room.reason:
        case Reason.COLD_START:
            hours = f"{need.observed_hours} hour{'' if need.observed_hours == 1 else 's'}"
            why = f"{percent}{_process(room)} as long as little was seen of it ({hours})"
        case Reason.UNWATCHED:
            why = f"{percent}{_process(room)} as nothing was seen of it for {room.age_hours} hours"
        case Reason.NEIGHBOURS:
            who = f"{room.witnesses} containers of about its size in the namespace"
            why = f"{percent}, as {who} rose by {human_bytes(room.by_bytes)} within an hour, {_when(room.age_hours)}"
        case Reason.JUMP:
            why = f"{percent} for a jump, as it rose by {percent_words(room.ratio)} within an hour, {_when(room.age_hours)}"
        case Reason.ALWAYS:
            is_whole = 0 < room.by_bytes <= room.target * need.level_bytes + 1  # in a tiny container a part of it
            why = f"{percent}{f' ({human_bytes(room.by_bytes)})' if is_whole else ''} is always left"
        case _:
            assert_never(room.reason)
    return f"+{round(whole, 1):g} %: {why}; {percent_words(need.extra)}, {_STEADY}"


def peak_room_words(need: Need) -> str:
    """Why so much room is left above the highest peak."""
    if need.swing is None:
        return "the next peak may be higher, and usual hours do not tell by how much"
    return f"the next peak may be higher; one hour's usually differs from the next one's by {percent_words(need.swing)}"


def _process(room: Room) -> str:
    """What the room is for in a small container."""
    return " for a process started beside it (a probe, an exec)" if room.by_bytes else ""


def _when(age_hours: int) -> str:
    if age_hours < 1:
        return "less than an hour ago"
    days = age_hours // HOURS_PER_DAY
    return f"{days} days ago" if days >= 2 else f"{age_hours} h ago"
