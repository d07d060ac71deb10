"""Histories of a floor from a function of time, as rows would tell it."""

from __future__ import annotations

from collections.abc import Callable

from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW

from oomsight_operator.judgement.forecast.forecast import forecast
from oomsight_operator.judgement.forecast.history import FloorHistory
from oomsight_operator.judgement.forecast.outlook import Forecast

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
LIMIT = 1000 * MI


def watched(
    level: Callable[[float], float],
    hours: float,
    *,
    every: float = 300.0,
    until: float = NOW,
    run: str = FIRST_RUN,
    before: FloorHistory | None = None,
    above: Callable[[float], float] = lambda _: 0.0,
) -> FloorHistory:
    """A history that ends at `until`; `level` is the floor in MiB by seconds since its beginning, `above` what lies on it."""
    history, seconds = before or FloorHistory(), 0.0
    while seconds <= hours * HOUR:
        floor = level(seconds)
        now = until - hours * HOUR + seconds
        history = history.observed(run, now, int(floor * MI), int((floor + above(seconds)) * MI))
        seconds += every
    return history


def outlook(history: FloorHistory, now: float = NOW) -> Forecast:
    """Of a container with 1000Mi."""
    found = forecast(history, LIMIT, now)
    assert found is not None
    return found
