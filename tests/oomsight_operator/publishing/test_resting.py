"""Workloads between their pods."""

from __future__ import annotations

from oomsight_operator.publishing.resting import MOST_KNOWN, Resting


def test_a_rest_ends_by_a_pod_or_after_the_patience() -> None:
    resting = Resting(3600.0)
    resting.rest("a", 0.0)
    resting.rest("b", 10.0)
    resting.rest("a", 20.0)
    assert list(resting.take_due(3609.0)) == []
    resting.wake("b")
    assert list(resting.take_due(3620.0)) == ["a"]
    assert list(resting.take_due(9999.0)) == []


def test_that_there_is_an_object_is_remembered_until_it_is_asked_for() -> None:
    resting = Resting(1.0)
    resting.know("a")
    assert resting.recall("a")
    assert not resting.recall("a")
    assert not resting.recall("b")


def test_of_very_many_the_longest_are_forgotten() -> None:
    resting = Resting(1.0)
    for number in range(MOST_KNOWN + 1):
        resting.know(f"{number}")
    assert not resting.recall("0")
    assert resting.recall("1")
