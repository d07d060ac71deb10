"""A peak of a second must be seen by a scrape a minute later."""

from __future__ import annotations

from oomsight_agent.peak_window import PeakWindow
from oomsight_api.report import Container, Memory, NodeReport


def sample(seconds: float, peak: int | None, container_id: str = "a") -> NodeReport:
    row = Container(pod_uid="u", container_id=container_id, cgroup="/a", memory=Memory(peak_interval_bytes=peak))
    return NodeReport(node="n", instance="", cursor="", full=True, time_seconds=seconds, interval_seconds=1, containers=(row,))


def test_a_short_peak_is_shown_for_at_least_a_minute_and_at_most_two() -> None:
    window = PeakWindow()
    window.observe(sample(0, 10))
    window.observe(sample(59, 900))
    for second in range(60, 119):
        window.observe(sample(second, 20))
        assert window.peaks() == {"a": 900}
    window.observe(sample(120, 20))
    assert window.peaks() == {"a": 20}


def test_unknown_peaks_are_not_shown_and_gone_containers_are_forgotten() -> None:
    window = PeakWindow()
    window.observe(sample(0, None))
    assert window.peaks() == {}
    window.observe(sample(1, 5, "b"))
    window.observe(sample(61, 7, "c"))
    window.observe(sample(122, 7, "c"))
    assert window.peaks() == {"c": 7}


def test_a_clock_that_jumps_back_begins_a_new_window() -> None:
    window = PeakWindow()
    window.observe(sample(1000, 5))
    window.observe(sample(10, 3))
    window.observe(sample(71, 3))
    assert window.peaks() == {"a": 3}
