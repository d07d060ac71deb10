"""The extremes that a client has not been told. What an operator sees of them is in test_ledger.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.untold import KEPT, MEMORY_SECONDS, Untold

steps = st.lists(st.tuples(st.none() | st.integers(0, 1000), st.booleans(), st.sampled_from([1, 1, 30, 400])), max_size=40)


@pytest.mark.parametrize("lowest", [False, True])
@given(steps, st.integers(0, 40))
def test_every_client_is_told_the_extreme_of_what_it_did_not_see(
    lowest: bool, taken: list[tuple[int | None, bool, int]], missed: int
) -> None:
    furthest = min if lowest else max
    untold, version, now = Untold(500, 0, 0.0, lowest=lowest), 0, 0
    every: list[tuple[int, int, int]] = [(0, 0, 500)]  # time, the version that tells it, value
    own: int | None = 500
    for value, closes, seconds in taken:
        now += seconds
        own = value
        untold.note(value, now)
        if value is not None:
            every.append((now, version + 1, value))
        if closes:
            version += 1
            untold.close(version)
    revision = max(-1, version - missed)
    unseen = [value for time, tells, value in every if tells > revision and now - time <= MEMORY_SECONDS]
    wanted = furthest([*unseen, *([] if own is None else [own])], default=None)
    found = untold.since(revision, now, own)
    if wanted is None or len(every) <= KEPT:
        assert found == wanted
    else:
        assert found is not None
        assert furthest(found, wanted) == found  # merged: never less than what was missed
        assert found in [value for _, _, value in every]


def test_the_version_that_is_made_tells_the_extreme_of_what_was_open() -> None:
    untold = Untold(50, 1, 0.0)
    untold.note(90, 1.0)
    untold.note(60, 2.0)
    assert untold.close(2) == 90
    assert untold.close(3) is None


def test_what_is_remembered_has_a_bound() -> None:
    untold = Untold(1000, 0, 0.0)
    for second in range(1, 100):
        untold.note(1000 - second, second)
        untold.close(second)
    assert untold.since(0, 99.0, 0) == 1000  # told a second time rather than lost
    assert len(untold._entries) <= KEPT
