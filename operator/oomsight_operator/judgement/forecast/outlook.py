"""What a forecast says: the plain values that come out of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from oomsight_api.names import Confidence


class Shape(StrEnum):
    """What the floor does."""

    UNKNOWN = "unknown"
    """Too little was seen to say."""
    STEADY = "steady"
    """It does not rise, or by less than noise."""
    COMES_BACK = "comes-back"
    """It rises to where it was before, and fell from: a tooth, a day, a walk."""
    SLOWING = "slowing"
    """It rises ever slower, to a ceiling below the limit: a warm-up."""
    STEP = "step"
    """It jumped once."""
    GROWING = "growing"
    """It rises, and nothing says that it stops."""
    AT_LIMIT = "at-limit"
    """It is there."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a container's unreclaimable memory reaches its limit, as far as its floor tells. Bytes and seconds."""

    shape: Shape
    limit_bytes: int
    floor_bytes: int
    """Lowest unreclaimable memory lately: what is left when garbage was collected."""
    window_seconds: float
    """Of the history that was looked at; of the growth, where it grows."""
    points: int
    """Readings in it."""
    why: str
    """A clause that says why there is no time to the limit, or what the time rests on. Printable ASCII."""
    seconds_to_limit: float | None = None
    """None: it does not get there as far as is known."""
    earliest_seconds: float | None = None
    latest_seconds: float | None = None
    """As the faster and the slower half of the growth would have it."""
    confidence: Confidence = Confidence.LOW
    growth_bytes_per_second: float = 0.0
    by_peaks: bool = False
    """The time is that of the peaks between collections, which rise with the floor; else that of the floor."""
    grown_runs: int = 0
    """Earlier runs of the container in which the floor grew as it does now."""
