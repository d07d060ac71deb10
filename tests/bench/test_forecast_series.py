"""The generated series tell their own truth: who dies, and when, is as the numbers say; and the same seed draws the same."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from forecast_eyes import rows, scrapes
from forecast_series import LEAKS, MIB, OTHERS, UNKNOWABLE, Series, generate, ramp, steady_sawtooth

DRAWN = list(generate(5, 1))


@pytest.mark.parametrize("series", DRAWN, ids=lambda series: series.shape)
def test_a_run_ends_where_it_meets_its_limit_and_nowhere_is_the_limit_passed(series: Series) -> None:
    for death in series.deaths:
        assert 0 <= death.began_seconds < death.hit_seconds
    assert all(0 < held < series.limit_bytes for held in series.unreclaimable)
    assert all(held + cache <= 1.02 * series.limit_bytes for held, cache in zip(series.unreclaimable, series.cache, strict=True))


def test_every_leak_dies_and_nothing_else_does() -> None:
    leaks, others = DRAWN[: len(LEAKS)], DRAWN[len(LEAKS) :]

    assert len(others) == len(OTHERS)
    assert all(series.deaths for series in leaks)
    assert not any(series.deaths for series in others)
    assert {series.shape for series in others} >= UNKNOWABLE


def test_the_same_seed_draws_the_same_and_another_one_another() -> None:
    assert ramp(random.Random("7/ramp")) == ramp(random.Random("7/ramp"))
    assert ramp(random.Random("7/ramp")) != ramp(random.Random("8/ramp"))


def test_a_row_carries_the_lowest_since_the_row_before_and_rows_come_no_more_often_than_polls() -> None:
    series = Series("made", 1000 * MIB, 10.0)
    series.unreclaimable = [500 * MIB, 500 * MIB, 300 * MIB, 800 * MIB, 800 * MIB, 800 * MIB]
    series.cache = [0] * 6

    assert [(row.seconds, row.floor_bytes // MIB, row.unreclaimable_bytes // MIB) for row in rows(series)] == [
        (0.0, 500, 500),
        (20.0, 300, 300),
        (40.0, 300, 800),
    ]


def test_what_moves_by_little_is_told_with_the_whole_report_alone_and_a_restart_at_once() -> None:
    series = Series("made", 1000 * MIB, 10.0)
    series.unreclaimable = [500 * MIB] * 62
    series.cache = [0] * 62
    series.run_starts = [0, 33]

    assert [(row.seconds, row.container_id) for row in rows(series)] == [
        (0.0, "run-0"),
        (300.0, "run-0"),
        (330.0, "run-1"),
        (610.0, "run-1"),
    ]


def test_prometheus_sees_half_of_the_page_cache_in_the_working_set() -> None:
    series = steady_sawtooth(random.Random(3))
    seen = list(scrapes(series))

    assert all(scrape.working_set_bytes >= scrape.unreclaimable_bytes for scrape in seen)
    assert min(later.seconds - earlier.seconds for earlier, later in pairwise(seen)) >= 30.0
