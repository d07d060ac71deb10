"""Two memories of one container become one that hides nothing of either."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import DAY, HOUR, seen

from oomsight_operator.judgement.recommend.cache import FORGET_HOURS, CacheFit, CacheLook, CacheNeed, observed
from oomsight_operator.judgement.recommend.merging import merged, merged_track
from oomsight_operator.judgement.recommend.need import need_of
from oomsight_operator.judgement.recommend.state import (
    NOTHING,
    OomFloor,
    OomKill,
    Sample,
    State,
    observe,
    on_oom,
    on_refaults,
    propose,
    propose_request,
)
from oomsight_operator.judgement.recommend.track import HOURS_PER_DAY, LEVEL_HOURS, MAX_BYTES, PEAK_DAYS, Track, extended

TODAY = int(NOW // DAY)


def track_of(state: State) -> Track:
    assert state.unreclaimable is not None
    return state.unreclaimable


def test_a_weekly_peak_of_the_run_before_outlives_a_fresh_look() -> None:
    last_week = seen(lambda hour: GI if hour == 1 else 100 * MI, 3, until=NOW - 7 * DAY)
    fresh = seen(120 * MI, 1)

    both = track_of(merged(fresh, last_week))

    assert both.peak_bytes == GI
    assert both.hour == track_of(fresh).hour
    assert both.hours[-1] == 120 * MI
    assert both.observed_hours == track_of(last_week).observed_hours + track_of(fresh).observed_hours
    assert both.before_hour_bytes == GI, "what comes next is no jump while it stays below the run before"


def test_a_restart_in_the_middle_is_as_if_there_had_been_none() -> None:
    whole = seen(lambda hour: int((100 + hour) * MI), 48)
    before = seen(lambda hour: int((100 + hour) * MI), 46, until=NOW - 2 * HOUR)
    after = seen(lambda hour: int((146 + hour) * MI), 2)

    assert need_of(track_of(merged(before, after))) == need_of(track_of(whole))


def test_a_rise_that_only_a_short_memory_takes_for_a_jump_is_none() -> None:
    before = seen(500 * MI, 48, until=NOW - 6 * HOUR)
    after = seen(lambda hour: 100 * MI if hour < 4 else 400 * MI, 5)
    assert track_of(after).jumps
    assert track_of(merged(before, after)).jumps == ()


def test_a_jump_above_all_that_either_saw_is_one_by_as_much_as_it_exceeds_that() -> None:
    before = seen(500 * MI, 48, until=NOW - 6 * HOUR)
    after = seen(lambda hour: 100 * MI if hour < 4 else 600 * MI, 5)
    (jump,) = track_of(merged(before, after)).jumps
    assert jump.ratio == pytest.approx(0.2)


def test_the_later_go_of_kills_and_the_later_proposal_count() -> None:
    old = propose(on_oom(NOTHING, [OomKill(GI, NOW - 9 * DAY)]), 2 * GI, NOW - 9 * DAY)
    new = propose(on_oom(NOTHING, [OomKill(512 * MI, NOW - HOUR)]), 700 * MI, NOW - HOUR)

    both = merged(old, new)

    assert both.floor == OomFloor(512 * MI, NOW - HOUR)
    assert (both.proposed_bytes, both.proposed_since_seconds) == (700 * MI, NOW - HOUR)
    assert merged(NOTHING, old) == merged(old, NOTHING) == old


def test_of_two_proposed_requests_the_larger_counts_as_nobody_knows_which_is_later() -> None:
    one, other = propose_request(NOTHING, 300 * MI), propose_request(NOTHING, 320 * MI)

    assert merged(one, other) == merged(other, one) == other
    assert merged(NOTHING, one) == merged(one, NOTHING) == one


def test_an_earlier_run_that_ended_long_ago_is_forgotten_as_time_would_have() -> None:
    old = seen(GI, 5 * 24, until=NOW - 20 * DAY)
    new = seen(100 * MI, 3 * 24)
    assert track_of(merged(old, new)).peak_bytes == 100 * MI


def test_that_more_cache_did_not_help_is_not_forgotten_for_a_fresh_look_unless_that_is_long_ago() -> None:
    now = int(NOW) // 3600
    tried = CacheNeed(40 * MI, 40 * MI, GI, now - 5, steps=2, tried_bytes=90 * MI, tried_rate=GI, tried_hour=now - 50)
    fresh = observed(None, CacheLook(now, 40 * MI, GI))

    both = merged(replace(NOTHING, cache=fresh), replace(NOTHING, cache=tried)).cache
    assert both == replace(tried, last_hour=now)
    old = replace(NOTHING, cache=replace(tried, last_hour=now - FORGET_HOURS - 1))
    assert merged(old, replace(NOTHING, cache=fresh)).cache == fresh


def test_what_is_known_already_gives_back_the_same_object() -> None:
    state = seen(GI, 30)
    assert merged(state, replace(state)) is state
    assert merged(state, NOTHING) is state


@st.composite
def states(draw: st.DrawFn) -> State:
    """Samples and kills of some hours within three weeks."""
    state = NOTHING
    hour = draw(st.integers(0, 21 * 24))
    for _ in range(draw(st.integers(0, 12))):
        hour += draw(st.sampled_from((0, 1, 1, 2, 24, 168)))
        amount = draw(st.integers(0, 100)) * MI
        state = observe(state, Sample(NOW - 60 * DAY + hour * HOUR, amount, None, amount // 2))
    if draw(st.booleans()):
        state = on_oom(state, [OomKill(draw(st.integers(1, 50)) * MI, NOW - draw(st.integers(0, 40)) * DAY)])
    if draw(st.booleans()):
        state = propose(state, draw(st.integers(1, 50)) * MI, NOW - draw(st.integers(0, 40)) * DAY)
    if draw(st.booleans()):
        state = propose_request(state, draw(st.integers(1, 50)) * MI)
    for _ in range(draw(st.integers(0, 6))):
        look = CacheLook(
            int(NOW) // 3600 - draw(st.integers(0, 1000)), draw(st.integers(1, 200)) * MI, draw(st.integers(1, 50)) * MI
        )
        fit = CacheFit(look.hour, look.held_bytes)
        fits = draw(st.booleans())
        state = on_refaults(state, None if fits else look, draw(st.booleans()), fit if fits else None)
    return state


@given(states(), states())
def test_the_order_does_not_matter_and_twice_is_once(one: State, other: State) -> None:
    both = merged(one, other)

    assert both == merged(other, one)
    assert merged(both, both) is both
    assert merged(both, one) == merged(one, both)


@given(states(), states())
def test_what_comes_out_is_a_state_as_any_other(one: State, other: State) -> None:
    both = merged(one, other)
    for name in ("usage", "unreclaimable"):
        parts = [track for track in (getattr(one, name), getattr(other, name)) if track is not None]
        track = getattr(both, name)
        if not parts:
            assert track is None
            continue
        assert track.hour == max(part.hour for part in parts)
        assert 1 <= len(track.hours) <= LEVEL_HOURS
        days = [day.day for day in track.days]
        assert days == sorted(set(days))
        assert days[-1] == track.hour // HOURS_PER_DAY
        assert len(days) <= PEAK_DAYS
        ratios = [jump.ratio for jump in track.jumps]
        assert ratios == sorted(ratios, reverse=True)
        assert max(part.observed_hours for part in parts) <= track.observed_hours <= sum(part.observed_hours for part in parts)
        newest = [part.peak_bytes for part in parts if part.hour == track.hour]
        assert track.peak_bytes >= max(newest)
        assert extended(track, MAX_BYTES, track.hour + 1) is not None


@given(states(), st.lists(st.integers(0, 100), min_size=1, max_size=5))
def test_what_went_on_from_a_state_knows_all_of_it(state: State, amounts: list[int]) -> None:
    after = state
    for index, amount in enumerate(amounts):
        after = observe(after, Sample(NOW + index * 1800, amount * MI, None, amount * MI))
    assert merged(after, state) is after
    assert merged_track(state.usage, after.usage) == after.usage
