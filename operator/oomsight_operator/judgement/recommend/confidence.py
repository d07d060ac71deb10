"""How much a recommendation may be relied on, and why not more: by how long it was watched, and how calm it was.

- Low: less than a day was watched, or it leaks.
- Medium: less than a week; or less than a week by us, and before that the working set alone as a monitoring system saw it; or
  it jumped by a tenth within the last day, or its limit killed it within the last week, so that what it needs is known from below.
- High: none of these.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Confidence
from oomsight_operator.judgement.recommend.bounds import DAY_SECONDS, SETTLED_HOURS
from oomsight_operator.judgement.recommend.context import WEEK_HOURS
from oomsight_operator.judgement.recommend.state import OomFloor
from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, Track

CALM_RATIO: Final = 0.1
RECENT_KILL_SECONDS: Final = 7 * DAY_SECONDS


def confidence_of(
    track: Track | None, floor: OomFloor | None, now_seconds: float, *, leaking: bool, coarse: str = ""
) -> tuple[Confidence, str]:
    """The confidence, and what keeps it from being higher (empty for high).

    `coarse` is the kind of memory where it is not what the kernel cannot free, such as `working set`.
    """
    if track is None:
        return Confidence.LOW, "no sample of its memory was seen"
    hours = track.observed_hours
    hour_word = "hour" if hours == 1 else "hours"
    jump = max((jump.ratio for jump in track.jumps if track.hour - jump.hour < HOURS_PER_DAY), default=0.0)
    killed = floor is not None and now_seconds - floor.last_seconds <= RECENT_KILL_SECONDS
    known_from_below = "its limit killed it within the last 7 days: it needs more than that, and nobody knows how much"
    own = hours - track.imported_hours
    scraped = bool(coarse and track.imported_hours) and own < WEEK_HOURS
    stand_in = (
        f"{track.imported_hours} of its {hours} hours are from Prometheus, which knows its {coarse} alone, as often as scraped"
    )
    rules = (
        (leaking, Confidence.LOW, "it leaks, so no limit is enough for ever"),
        (hours < SETTLED_HOURS, Confidence.LOW, f"samples of {hours} {hour_word} only, too few for a whole day"),
        (killed, Confidence.MEDIUM, known_from_below),
        (hours < WEEK_HOURS, Confidence.MEDIUM, f"samples of {hours} hours only, less than a week"),
        (scraped, Confidence.MEDIUM, stand_in),
        (jump >= CALM_RATIO, Confidence.MEDIUM, f"it rose by {round(jump * 100)} % within an hour of the last day"),
    )
    return next(((level, why) for holds, level, why in rules if holds), (Confidence.HIGH, ""))
