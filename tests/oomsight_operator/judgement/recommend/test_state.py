"""Kills that are taken in: once, whatever is told again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import DAY, seen

from oomsight_operator.judgement.recommend.state import NOTHING, OomFloor, OomKill, Sample, observe, on_oom, propose


def test_kills_within_a_day_of_one_another_are_one_go() -> None:
    kills = [OomKill(512 * MI, NOW - 5 * DAY), OomKill(512 * MI, NOW - 600), OomKill(640 * MI, NOW)]

    assert on_oom(NOTHING, kills).floor == OomFloor(640 * MI, NOW, repeats=2)


def test_a_kill_that_is_told_again_counts_once() -> None:
    kills = [OomKill(512 * MI, NOW - 600), OomKill(512 * MI, NOW)]
    once = on_oom(NOTHING, kills)

    assert on_oom(once, kills) is once


def test_ten_replicas_killed_for_one_cause_are_no_tenfold_repetition() -> None:
    state = NOTHING
    for replica in range(10):
        state = on_oom(state, [OomKill(512 * MI, NOW + replica)])

    assert state.floor == OomFloor(512 * MI, NOW + 9, repeats=1)


def test_a_new_go_starts_from_its_own_limit() -> None:
    state = on_oom(NOTHING, [OomKill(2 * GI, NOW - 30 * DAY)])

    assert on_oom(state, [OomKill(GI, NOW)]).floor == OomFloor(GI, NOW)
    assert on_oom(on_oom(state, [OomKill(GI, NOW)]), [OomKill(2 * GI, NOW - 30 * DAY)]).floor == OomFloor(GI, NOW)


def test_a_burst_that_no_sample_saw_leaves_the_peaks_as_they_were() -> None:
    state = seen(100 * MI, 48)

    assert on_oom(state, [OomKill(GI, NOW)]).unreclaimable is state.unreclaimable


def test_what_tells_nothing_new_gives_the_very_same_state() -> None:
    state = propose(seen(100 * MI, 1), GI, NOW)

    assert observe(state, Sample(NOW, unreclaimable_bytes=100 * MI)) is state
    assert observe(state, Sample(NOW)) is state
    assert on_oom(state, ()) is state
    assert propose(state, GI, NOW + 5) is state


@given(st.lists(st.tuples(st.integers(1, 1 << 40), st.floats(0, 4e9)), min_size=1, max_size=20))
def test_taking_in_kills_twice_changes_nothing(told: list[tuple[int, float]]) -> None:
    kills = [OomKill(limit, at) for limit, at in sorted(told, key=lambda item: item[1])]
    once = on_oom(NOTHING, kills)

    assert on_oom(once, kills) is once
    assert once.floor is not None
    assert once.floor.last_seconds == kills[-1].time_seconds
    assert 1 <= once.floor.repeats <= len(kills)
