from __future__ import annotations

from oomsight_operator.kube.backoff import Backoff


def test_pauses_double_to_the_most_and_begin_again_after_a_success() -> None:
    backoff = Backoff(first_seconds=1.0, most_seconds=5.0, draw=lambda: 1.0)
    assert [backoff.next_seconds() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.next_seconds() == 1.0


def test_the_jitter_takes_at_most_half() -> None:
    assert Backoff(first_seconds=1.0, draw=lambda: 0.0).next_seconds() == 0.5


def test_what_the_server_asked_for_is_waited_at_least() -> None:
    assert Backoff(first_seconds=1.0, draw=lambda: 1.0).next_seconds(20.0) == 20.0


def test_a_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff(first_seconds=1.0, most_seconds=30.0, draw=lambda: 1.0)
    assert max(backoff.next_seconds() for _ in range(3000)) == 30.0
