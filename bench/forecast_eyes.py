"""What the operator and Prometheus see of a series: rows when something moved materially, samples every half minute.

The agent samples each step of the series, answers a poll of POLL_SECONDS, and tells a row when an amount moved by the agent's own
rule (`material.memory_change`), and with every whole report. A row carries the value now and the lowest since it was last told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from forecast_series import Series

from oomsight_agent.ledger import FULL_EVERY_SECONDS
from oomsight_agent.material import memory_change
from oomsight_api.report import Memory

POLL_SECONDS: Final = 20.0
SCRAPE_SECONDS: Final = 30.0


class Row(NamedTuple):
    """A row as the operator gets it."""

    seconds: float
    container_id: str
    floor_bytes: int
    unreclaimable_bytes: int


class Scrape(NamedTuple):
    seconds: float
    working_set_bytes: int
    unreclaimable_bytes: int


def rows(series: Series) -> Iterator[Row]:
    """In order of time."""
    starts = set(series.run_starts)
    run, told, floor = -1, Memory(), 0
    polled = whole = float("-inf")
    for index, (held, cache) in enumerate(zip(series.unreclaimable, series.cache, strict=True)):
        now = series.at(index)
        fresh = index in starts
        if fresh:
            run += 1
            floor = held
        floor = min(floor, held)
        if now - polled < POLL_SECONDS and not fresh:
            continue
        polled = now
        usage = held + cache
        memory = Memory(
            limit_bytes=series.limit_bytes, usage_bytes=usage, working_set_bytes=held + cache // 2, unreclaimable_bytes=held
        )
        if fresh or now - whole >= FULL_EVERY_SECONDS or memory_change(told, memory, None, None):
            if now - whole >= FULL_EVERY_SECONDS:
                whole = now
            yield Row(now, f"run-{run}", floor, held)
            told, floor = memory, held


def scrapes(series: Series) -> Iterator[Scrape]:
    """Of cAdvisor by Prometheus: of the page cache half is active, and so in the working set."""
    last = float("-inf")
    for index, (held, cache) in enumerate(zip(series.unreclaimable, series.cache, strict=True)):
        now = series.at(index)
        if now - last >= SCRAPE_SECONDS:
            last = now
            yield Scrape(now, held + cache // 2, held)
