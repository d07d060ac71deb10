"""What speaks against drawing a growth's line on to the limit: one small function each, in the order in which they are asked.

To add one: the condition, where its threshold comes from, the clause for the user, one line in OBJECTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.forecast.envelope import FALL_SHARE
from oomsight_operator.judgement.forecast.history import UNIT_BYTES, Point
from oomsight_operator.judgement.forecast.outlook import Shape
from oomsight_operator.judgement.forecast.trend import Trend
from oomsight_operator.judgement.words import format_span

SHORTEST_WINDOW_SECONDS: Final = 300.0
"""A start is over by then, and the agent has told the whole node at least once."""
LEAST_GROWTH_SHARE: Final = 0.03
"""Of the limit: growth by less is noise, of which the agent tells steps of 2 %."""
NEW_GROUND_SHARE: Final = 0.25
"""Where the floor came back before, it must go beyond its highest by this share of how far it came back."""
FEWEST_FALLS: Final = 3
"""Teeth in which the floor came back within the growth, and rose all the same."""
JUMPS_SHARE: Final = 0.75
STEP_SHARE: Final = 0.3
"""A step: two jumps make three quarters of the growth, or either half grows at less than 30 % of the whole's slope."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A growth, and what came before it; amounts in units of history.UNIT_BYTES."""

    trend: Trend
    limit: float
    highest_before: float
    """Floor before it."""
    came_back: float
    """How far the floor had come back from there when the growth began; 0 where it did not."""
    levelled: float
    """The highest floor at which an earlier run of the container stayed; 0 without one."""


Objection = Callable[[Growth], tuple[Shape, str] | None]


def growth_of(trend: Trend, points: Sequence[Point], limit: float, levelled: float) -> Growth:
    """With what the history says of the time before. That the floor came back before says nothing where it has come back as far
    within this growth, time and again, and rose all the same."""
    began = trend.samples[0].seconds
    highest = max((point.top for point in points if point.seconds < began), default=0)
    fell = highest - min(trend.samples[0].low, trend.samples[1].low)
    if fell <= FALL_SHARE * limit or _falls(points, began, fell / 2) >= FEWEST_FALLS:
        return Growth(trend, limit, 0.0, 0.0, levelled)
    return Growth(trend, limit, highest, fell, levelled)


def _falls(points: Sequence[Point], since_seconds: float, depth: float) -> int:
    """How often the floor came back by `depth` or more."""
    falls, top = 0, 0
    for point in points:
        if point.seconds > since_seconds:
            if top - point.low >= depth:
                falls, top = falls + 1, 0
            top = max(top, point.top)
    return falls


def is_noise(growth: Growth) -> tuple[Shape, str] | None:
    """It grows by less than noise, or not at all."""
    if growth.trend.pace <= 0 or growth.trend.growth < LEAST_GROWTH_SHARE * growth.limit:
        return Shape.STEADY, "it does not rise"
    return None


def is_young(growth: Growth) -> tuple[Shape, str] | None:
    """It began a moment ago."""
    window = growth.trend.window_seconds
    if window < SHORTEST_WINDOW_SECONDS:
        return Shape.UNKNOWN, f"it has grown for {format_span(window)}, which is too short to say more"
    return None


def comes_back(growth: Growth) -> tuple[Shape, str] | None:
    """It is about as high as before, from where it came back."""
    if growth.came_back and growth.trend.floor < growth.highest_before + NEW_GROUND_SHARE * growth.came_back:
        return Shape.COMES_BACK, "it was about as high before, and came back"
    return None


def was_there_before(growth: Growth) -> tuple[Shape, str] | None:
    """It is no higher than an earlier run that stayed there: a warm-up."""
    if growth.levelled and growth.trend.floor <= growth.levelled + LEAST_GROWTH_SHARE * growth.limit:
        return Shape.COMES_BACK, "an earlier run of the container was as high, and stayed there"
    return None


def is_step(growth: Growth) -> tuple[Shape, str] | None:
    """One or two jumps make it."""
    trend = growth.trend
    flat_halves = max(trend.earlier_slope, trend.later_slope) < STEP_SHARE * trend.slope
    if flat_halves or trend.share_of_two_jumps >= JUMPS_SHARE:
        return Shape.STEP, "it jumped, and does not grow otherwise"
    return None


def has_stopped(growth: Growth) -> tuple[Shape, str] | None:
    """It grew, and the newest readings do not."""
    return (Shape.SLOWING, "it grew, and stopped") if growth.trend.has_stopped else None


def is_slowing(growth: Growth) -> tuple[Shape, str] | None:
    """Slowing on as it did, it ends below the limit."""
    ceiling = growth.trend.ceiling
    if ceiling is not None and ceiling < growth.limit:
        return Shape.SLOWING, f"it is slowing, to end at about {human_bytes(int(ceiling * UNIT_BYTES))}"
    return None


OBJECTIONS: Final[tuple[Objection, ...]] = (
    is_noise,
    is_young,
    comes_back,
    was_there_before,
    is_step,
    has_stopped,
    is_slowing,
)
"""The first that holds is told."""
