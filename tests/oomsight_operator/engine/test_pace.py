"""A node rests from being judged."""

from __future__ import annotations

import pytest

from oomsight_operator.engine.pace import Pace


def test_what_a_node_tells_waits_nine_times_as_long_as_it_took_to_judge_it_and_others_do_not() -> None:
    pace = Pace()
    pace.note("a", 100.0, 0.1)
    pace.note("a", 100.0, 0.1)
    assert pace.wait_seconds("a", 100.5, kill=False) == pytest.approx(1.3)
    assert pace.wait_seconds("b", 100.5, kill=False) == 0
    assert pace.wait_seconds("a", 102.0, kill=False) == 0


def test_rest_that_was_had_before_is_none_to_spend_later() -> None:
    pace = Pace()
    pace.note("a", 100.0, 0.1)
    pace.note("a", 200.0, 0.1)
    assert pace.wait_seconds("a", 200.0, kill=False) == pytest.approx(0.9)


def test_a_kill_waits_for_what_is_owed_beyond_two_seconds_alone() -> None:
    pace = Pace()
    pace.note("a", 100.0, 0.2)
    assert pace.wait_seconds("a", 100.0, kill=True) == 0
    pace.note("a", 100.0, 0.2)
    assert pace.wait_seconds("a", 100.0, kill=True) == pytest.approx(1.6)
    pace.forget("a")
    assert pace.wait_seconds("a", 100.0, kill=False) == 0
