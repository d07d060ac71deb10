from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.sampler.floor import PIECES, WINDOW_SECONDS, FloorWindow, theil_sen_slope

MI = 1024 * 1024


def slope(value_at: Callable[[float], float], seconds: float, step: float = 10.0) -> float | None:
    window = FloorWindow()
    time = 0.0
    while time <= seconds:
        window.add(time, int(value_at(time)))
        time += step
    return window.slope_bytes_per_second()


def test_nothing_is_said_before_the_window_is_half_full() -> None:
    assert slope(lambda time: 1000 * time, WINDOW_SECONDS / 2 - 20) is None
    assert slope(lambda time: 1000 * time, WINDOW_SECONDS / 2 + 20) == pytest.approx(1000)


def test_a_leak_under_garbage_collection_shows_its_floor_and_not_the_sawtooth() -> None:
    def leak_with_collections(time: float) -> float:
        return 100 * MI + 2000 * time + (time % 30) * MI

    measured = slope(leak_with_collections, WINDOW_SECONDS)
    assert measured == pytest.approx(2000, rel=0.05)


def test_a_sawtooth_without_a_leak_has_a_level_floor() -> None:
    assert slope(lambda time: 100 * MI + (time % 30) * MI, WINDOW_SECONDS) == pytest.approx(0, abs=1)


def test_a_few_outliers_do_not_bend_it() -> None:
    def with_bursts(time: float) -> float:
        return 1000 * time + (500 * MI if 60 <= time < 120 or 400 <= time < 440 else 0)

    assert slope(with_bursts, WINDOW_SECONDS) == pytest.approx(1000, rel=0.05)


def test_what_is_older_than_the_window_is_forgotten() -> None:
    def leak_that_stopped(time: float) -> float:
        return 5000 * min(time, 1000.0)

    assert slope(leak_that_stopped, 1000 + 2 * WINDOW_SECONDS) == pytest.approx(0, abs=1)


def test_after_a_long_silence_old_values_say_nothing() -> None:
    window = FloorWindow()
    for time in range(0, 700, 10):
        window.add(float(time), 1000 * time)
    window.add(100_000.0, 0)
    window.add(100_060.0, 0)
    assert window.slope_bytes_per_second() is None


def test_the_window_never_grows() -> None:
    window = FloorWindow()
    for time in range(0, 100_000, 10):
        window.add(float(time), time)
    assert len(window._times) == len(window._values) == PIECES


@given(st.floats(-1e6, 1e6), st.floats(0, 1e9), st.lists(st.floats(0, 1e5), min_size=2, max_size=20, unique=True))
def test_points_on_a_line_give_its_slope(slope: float, start: float, times: list[float]) -> None:
    times = sorted(round(time) for time in times)
    if len(set(times)) < 2:
        return
    measured = theil_sen_slope(times, [start + slope * time for time in times])
    assert measured == pytest.approx(slope, rel=1e-3, abs=1e-3)


def test_points_at_one_time_give_no_slope() -> None:
    assert theil_sen_slope([5.0, 5.0], [1.0, 2.0]) is None
