"""Hysteresis both ways, so that a value that trembles around a threshold does not write to the API at every sample.

In value: a threshold is crossed upward at its own value, downward only `hysteresisPercent` below it: points of a percentage, or
parts of a rate. In time: a published level rises at once and falls only after the lower one has lasted `holdSeconds`, each reason's
by itself (`holding.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oomsight_api.names import RiskLevel


def level_by_thresholds(
    part: float,
    whole: float,
    thresholds_percent: Iterable[tuple[RiskLevel, int]],
    previous: RiskLevel,
    hysteresis_percent: int,
) -> RiskLevel:
    """The highest level whose threshold `part` reaches, in percent of `whole`; NONE when it reaches none.

    Thresholds of levels up to `previous` count as `hysteresis_percent` points lower, but never as 0. Integers stay integers: 90 %
    of a limit is exactly 90 %.
    """
    steps = (
        (level, percent * whole, max(1, percent - hysteresis_percent) * whole)  # reached at, held down to
        for level, percent in thresholds_percent
    )
    return _highest(part * 100, steps, previous)


def level_by_rate(
    rate: float, thresholds: Iterable[tuple[RiskLevel, int]], previous: RiskLevel, hysteresis_percent: int
) -> RiskLevel:
    """The same for a number without a whole, such as pages a second: its hysteresis is `hysteresis_percent` of each threshold."""
    return _highest(rate * 100, ((level, least * 100, least * (100 - hysteresis_percent)) for level, least in thresholds), previous)


def _highest(value: float, steps: Iterable[tuple[RiskLevel, float, float]], previous: RiskLevel) -> RiskLevel:
    level = RiskLevel.NONE
    for candidate, reached_at, held_down_to in steps:
        effective = held_down_to if candidate.severity <= previous.severity else reached_at
        if value >= effective and candidate.severity > level.severity:
            level = candidate
    return level


@dataclass(frozen=True, slots=True)
class Settled:
    """The level to publish, and since when the judged one has been below it (None: it is not)."""

    level: RiskLevel
    lower_since_seconds: float | None = None
    falls_at_seconds: float | None = None
    """When a held level falls if nothing changes."""


def settle(
    judged: RiskLevel, published: RiskLevel, lower_since_seconds: float | None, now_seconds: float, hold_seconds: int
) -> Settled:
    """Rise at once; fall to the judged level after `hold_seconds` below the published one.

    To and from unknown there is no hold: a silent agent must be seen as such at once, and so must the first word after it. A
    `lower_since_seconds` in the future (a clock that was set back) starts the hold anew.
    """
    if RiskLevel.UNKNOWN in (judged, published) or judged.severity >= published.severity:
        return Settled(judged)
    since = now_seconds if lower_since_seconds is None or lower_since_seconds > now_seconds else lower_since_seconds
    if now_seconds - since >= hold_seconds:
        return Settled(judged)
    return Settled(published, since, since + hold_seconds)
