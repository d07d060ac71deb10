"""Peaks and the window that they were seen in."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import MI, NOW, SECOND_RUN, memory, row

from oomsight_operator.judgement.model import ContainerHistory
from oomsight_operator.judgement.peaks import observe_peaks, watched_seconds


def test_the_kernels_peak_between_two_samples_counts_not_only_the_samples() -> None:
    history = observe_peaks(ContainerHistory(), row(uses=memory(10 * MI, usage=20 * MI, peak_interval=90 * MI)), NOW)

    assert (history.peak_bytes, history.peak_unreclaimable_bytes) == (90 * MI, 10 * MI)


def test_peaks_outlive_a_restart_of_the_container() -> None:
    history = observe_peaks(ContainerHistory(), row(uses=memory(90 * MI, working_set=95 * MI)), NOW)
    history = observe_peaks(history, row(SECOND_RUN, memory(5 * MI, working_set=6 * MI)), NOW + 60)

    assert (history.peak_unreclaimable_bytes, history.peak_working_set_bytes) == (90 * MI, 95 * MI)
    assert watched_seconds(history) == 60


def test_nothing_seen_is_no_peak_and_no_window() -> None:
    history = observe_peaks(ContainerHistory(), None, NOW)

    assert (history.peak_bytes, watched_seconds(history)) == (None, None)


def test_a_nodes_clock_that_was_set_back_never_makes_the_window_negative() -> None:
    history = observe_peaks(ContainerHistory(), row(), NOW)

    assert watched_seconds(observe_peaks(history, row(), NOW - 3600)) == 0
