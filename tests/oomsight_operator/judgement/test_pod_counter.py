"""The pod's counter proves kills that no container's counter could show any more."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import NOW

from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.model import PodHistory
from oomsight_operator.judgement.pod_counter import FRESH_SECONDS, observe_pod_counter, rose_lately


def pod_row(kills: int | None) -> PodRow:
    return PodRow(pod_uid="uid-1", cgroup="/kubepods/poduid-1", oom_kills=kills)


def test_a_rise_that_no_container_explains_stands_for_a_minute() -> None:
    history = observe_pod_counter(PodHistory(), pod_row(1), 0, False, NOW)
    history = observe_pod_counter(history, pod_row(2), 0, False, NOW + 1)

    assert rose_lately(history, NOW + 2)
    assert not rose_lately(history, NOW + 2 + FRESH_SECONDS)


def test_what_was_there_at_first_sight_is_no_rise() -> None:
    assert not rose_lately(observe_pod_counter(PodHistory(), pod_row(7), 0, False, NOW), NOW)


def test_a_rise_that_containers_or_the_kubelet_explain_proves_nothing_more() -> None:
    start = observe_pod_counter(PodHistory(), pod_row(0), 0, False, NOW)

    assert not rose_lately(observe_pod_counter(start, pod_row(1), 1, False, NOW + 1), NOW + 1)
    assert not rose_lately(observe_pod_counter(start, pod_row(1), 0, True, NOW + 1), NOW + 1)


def test_a_containers_counter_that_follows_a_sample_later_explains_the_rise() -> None:
    history = observe_pod_counter(PodHistory(), pod_row(0), 0, False, NOW)
    history = observe_pod_counter(history, pod_row(2), 0, False, NOW + 1)

    assert rose_lately(observe_pod_counter(history, pod_row(2), 1, False, NOW + 2), NOW + 2)
    assert not rose_lately(observe_pod_counter(history, pod_row(2), 2, False, NOW + 2), NOW + 2)


def test_an_unexplained_rise_is_used_up_by_the_kill_that_it_proved() -> None:
    history = observe_pod_counter(PodHistory(), pod_row(0), 0, False, NOW)
    history = observe_pod_counter(history, pod_row(1), 0, False, NOW + 1)
    history = observe_pod_counter(history, None, 0, True, NOW + 2)

    assert not rose_lately(history, NOW + 2)


def test_a_counter_that_cannot_be_read_changes_nothing() -> None:
    history = observe_pod_counter(PodHistory(), pod_row(3), 0, False, NOW)

    assert observe_pod_counter(history, pod_row(None), 0, False, NOW + 1) == history
