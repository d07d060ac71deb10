"""The forecasters that are compared, each with what it sees of a series and what it says."""

from __future__ import annotations

from typing import Final

from forecast_eyes import rows, scrapes
from forecast_rivals import STATIC_SHARE, PredictLinear
from forecast_score import HORIZON_SECONDS, Story
from forecast_series import Series

from oomsight_api.names import Confidence
from oomsight_operator.judgement.forecast.forecast import forecast
from oomsight_operator.judgement.forecast.history import FloorHistory

OURS: Final = "oomsight"
LINEAR_WORKING_SET: Final = "predict_linear, working set"
LINEAR_UNRECLAIMABLE: Final = "predict_linear, unreclaimable"
STATIC_WORKING_SET: Final = "90 % of the limit, working set"
STATIC_UNRECLAIMABLE: Final = "90 % of the limit, unreclaimable"
TELLERS: Final = (OURS, LINEAR_WORKING_SET, LINEAR_UNRECLAIMABLE, STATIC_WORKING_SET, STATIC_UNRECLAIMABLE)
_EPOCH: Final = 1_700_000_000
EVALUATION_SECONDS: Final = 60.0
"""Of Prometheus' rules, by default."""


def stories(series: Series) -> dict[str, Story]:
    """What each says of it, by its name."""
    return {OURS: ours(series), **_rivals(series)}


def ours(series: Series) -> Story:
    """In alarm as LeakSuspected is of medium level or higher with the policy's defaults: four hours, confidence not low."""
    story, history = Story(), FloorHistory()
    for row in rows(series):
        now = _EPOCH + row.seconds
        history = history.observed(row.container_id, now, row.floor_bytes, row.unreclaimable_bytes)
        found = forecast(history, series.limit_bytes, now)
        seconds = found.seconds_to_limit if found is not None else None
        sure = found is not None and found.confidence is not Confidence.LOW
        story.tell(row.seconds, sure and seconds is not None and seconds <= HORIZON_SECONDS, seconds)
    return story


def _rivals(series: Series) -> dict[str, Story]:
    told = {name: Story() for name in TELLERS[1:]}
    linear = {LINEAR_WORKING_SET: PredictLinear(), LINEAR_UNRECLAIMABLE: PredictLinear()}
    evaluated = float("-inf")
    for scrape in scrapes(series):
        linear[LINEAR_WORKING_SET].add(scrape.seconds, scrape.working_set_bytes)
        linear[LINEAR_UNRECLAIMABLE].add(scrape.seconds, scrape.unreclaimable_bytes)
        if scrape.seconds - evaluated < EVALUATION_SECONDS:
            continue
        evaluated = scrape.seconds
        for name, line in linear.items():
            seconds = line.seconds_to(series.limit_bytes)
            told[name].tell(scrape.seconds, seconds is not None and seconds <= HORIZON_SECONDS, seconds)
        line_bytes = STATIC_SHARE * series.limit_bytes
        told[STATIC_WORKING_SET].tell(scrape.seconds, scrape.working_set_bytes >= line_bytes, None)
        told[STATIC_UNRECLAIMABLE].tell(scrape.seconds, scrape.unreclaimable_bytes >= line_bytes, None)
    return told
