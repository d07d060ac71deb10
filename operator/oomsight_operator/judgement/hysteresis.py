"""Hysteresis both ways, so that a value that trembles around a threshold does not write to the API at every sample.

In value: a threshold is crossed upward at its own value, downward only `hysteresisPercent` points below it. In time: a
published level rises at once and falls only after the lower one has lasted `holdSeconds`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oomsight_api.names import RiskLevel


def level_by_thresholds(
    part: int,
    whole: int,
    thresholds_percent: Iterable[tuple[RiskLevel, int]],
    previous: RiskLevel,
    hysteresis_percent: int,
) -> RiskLevel:
    """The highest level whose threshold `part` reaches, in percent of `whole`; NONE when it reaches none.

    Thresholds of levels up to `previous` count as `hysteresis_percent` points lower, but never as 0. Integers throughout: 90 % of a
    limit is exactly 90 %.
    """
    level = RiskLevel.NONE
    for candidate, threshold_percent in thresholds_percent:
        held = candidate.severity <= previous.severity
        effective = max(1, threshold_percent - hysteresis_percent) if held else threshold_percent
        if part * 100 >= effective * whole and candidate.severity > level.severity:
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
