"""Kills that are taken in: once, whatever is told again; and what a clock dated that was ahead."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import DAY, seen

from oomsight_operator.judgement.recommend.state import (
    NOTHING,
    OomFloor,
    OomKill,
    Sample,
    brought_back,
    observe,
    on_oom,
    propose,
)


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


SAMPLES = st.lists(st.tuples(st.integers(0, 24 * 30), st.integers(0, GI)), min_size=1, max_size=60).map(sorted)


@given(SAMPLES, st.integers(-(24 * 40), 24 * 40))
def test_what_lies_ahead_is_of_now_and_nothing_of_it_is_forgotten(samples: list[tuple[int, int]], back: int) -> None:
    state = NOTHING
    for hour, amount in samples:
        state = observe(state, Sample(NOW + hour * 3600, unreclaimable_bytes=amount))
    state = propose(on_oom(state, [OomKill(GI, NOW + samples[-1][0] * 3600)]), GI, NOW)
    now = NOW + (samples[-1][0] - back) * 3600

    healed = brought_back(state, now)
    before, after = state.unreclaimable, healed.unreclaimable

    assert (healed is state) == (back <= 0 and now >= NOW)
    assert brought_back(healed, now) is healed
    assert before is not None
    assert after is not None
    assert (after.hours, after.peak_bytes, after.observed_hours) == (before.hours, before.peak_bytes, before.observed_hours)
    assert after.hour == min(before.hour, int(now) // 3600)
    assert after.days[-1].day == after.hour // 24
    assert [day.day for day in after.days] == sorted({day.day for day in after.days})
    assert all(jump.hour <= after.hour for jump in after.jumps)
    assert max((jump.ratio for jump in after.jumps), default=0) == max((jump.ratio for jump in before.jumps), default=0)
    later = observe(healed, Sample(now + 3600, unreclaimable_bytes=0)).unreclaimable
    assert later is not None
    assert later.hour == int(now) // 3600 + 1
