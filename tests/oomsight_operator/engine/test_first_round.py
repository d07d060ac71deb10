"""When counts of pods begin to mean something."""

from __future__ import annotations

from oomsight_operator.engine.first_round import FirstRound


def test_it_is_complete_once_after_the_last_pod_of_the_start_was_judged_or_is_gone() -> None:
    told: list[str] = []
    first = FirstRound(lambda: told.append("complete"))
    first.done("u0")
    first.begin(["u1", "u2"])
    first.done("later")
    first.done("u1")
    assert told == []
    first.done("u2")
    first.done("u2")
    assert told == ["complete"]


def test_a_cluster_without_pods_is_complete_at_once() -> None:
    told: list[str] = []
    FirstRound(lambda: told.append("complete")).begin([])
    assert told == ["complete"]
