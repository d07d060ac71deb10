"""Changed recordings: the same change for a number, of size, time and swings alone."""

from __future__ import annotations

import numpy as np
from recommender_changed import changed, swung
from recommender_traces import Rules, Series, Source

HOURS = 48
TIMES = np.arange(HOURS * 60) * 60
WAVE = (1000 + 100 * np.sin(TIMES / 3000)).astype(np.int64) * 1000
SOURCE = Source("walk", "all", 60.0, Rules(86400, 86400), (Series("a-1", "a", TIMES, WAVE), Series("b-1", "b", TIMES, WAVE * 2)))


def test_number_0_is_the_recording_itself_and_every_other_always_the_same_change() -> None:
    assert changed(SOURCE, 0) is SOURCE
    one, again, other = changed(SOURCE, 1), changed(SOURCE, 1), changed(SOURCE, 2)
    assert [series.demand_bytes.tolist() for series in one.series] == [series.demand_bytes.tolist() for series in again.series]
    assert one.series[0].demand_bytes.tolist() != other.series[0].demand_bytes.tolist()
    assert one.variant == "all, changed"


def test_all_containers_of_a_source_are_moved_together_and_keep_their_proportions() -> None:
    first, second = changed(SOURCE, 3).series
    assert first.time_seconds.tolist() == second.time_seconds.tolist()
    assert (np.diff(first.time_seconds) == 60).all()
    assert TIMES.size - first.time_seconds.size <= 10 * 60, "hours are missed at the beginning, ten at most"
    assert abs(np.median(second.demand_bytes) / np.median(first.demand_bytes) - 2) < 0.02


def test_swings_around_the_usual_are_stretched_and_nothing_falls_below_nothing() -> None:
    flat = np.full(600, 1000)
    spiked = flat.copy()
    spiked[300] = 2000
    spiked[400] = 0
    stretched = swung(spiked, 60, 1.5)
    assert (stretched[300], stretched[400], stretched[0]) == (2500, 0, 1000)
