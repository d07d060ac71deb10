"""How the recommender's numbers are said."""

from __future__ import annotations

from typing import Final, assert_never

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.recommend.need import DEFAULT, Need, Reason, Room
from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, PEAK_DAYS, Track

_STEADY: Final = "a ramp must not change it every hour"


def days_words(track: Track) -> str:
    """`in 9 days`, `in 5 hours`: over what the highest peak was sought."""
    if track.observed_hours <= 1:
        return "in the first hour"
    if track.observed_hours < 2 * HOURS_PER_DAY:
        return f"in {track.observed_hours} hours"
    return f"in {max(2, track.days[-1].day - track.days[0].day + 1)} days"


def imported_words(track: Track) -> str:
    """How much of what is known was not watched by us; empty once all of it was forgotten, or where there is none."""
    if not track.imported_hours or track.observed_hours - track.imported_hours >= PEAK_DAYS * HOURS_PER_DAY:
        return ""
    return f"known for {track.observed_hours} hours, of which {track.imported_hours} hours from Prometheus"


def room_words(need: Need) -> str:
    """Why so much room is left above the level."""
    extra = round(DEFAULT.level_extra * 100)
    room = need.room
    percent = round(room.target * 100)
    match room.reason:
        case Reason.COLD_START:
            why = f"{percent} %{_process(room)} as long as little was seen of it ({need.observed_hours} hours)"
        case Reason.UNWATCHED:
            why = f"{percent} %{_process(room)} as nothing was seen of it for {room.age_hours} hours"
        case Reason.NEIGHBOURS:
            who = f"{room.witnesses} containers of about its size in the namespace"
            why = f"{percent} %, as {who} rose by {human_bytes(room.by_bytes)} within an hour, {_when(room.age_hours)}"
        case Reason.JUMP:
            why = f"{percent} % for a jump, as it rose by {round(room.ratio * 100)} % within an hour, {_when(room.age_hours)}"
        case Reason.ALWAYS:
            least = f" ({human_bytes(room.by_bytes)} at least)" if room.by_bytes else ""
            why = f"{percent} %{least}, no jump was seen for long"
        case _:
            assert_never(room.reason)
    return f"{why}; {extra} %, {_STEADY}"


def _process(room: Room) -> str:
    """What the room is for in a small container."""
    return " for a process started beside it (a probe, an exec)" if room.by_bytes else ""


def _when(age_hours: int) -> str:
    if age_hours < 1:
        return "within the last hour"
    days = age_hours // HOURS_PER_DAY
    return f"{days} days ago" if days >= 2 else f"{age_hours} h ago"
