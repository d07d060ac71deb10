"""A state is packed into a status and read back; what is hostile there is left out."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_operator.judgement.recommend.cache import CacheFit, CacheLook, CacheNeed, observed, room_now
from oomsight_operator.judgement.recommend.digest import CacheDigest, StateDigest, TrackDigest, from_digest, to_digest
from oomsight_operator.judgement.recommend.need import need_of
from oomsight_operator.judgement.recommend.state import (
    NOTHING,
    OomFloor,
    OomKill,
    Sample,
    State,
    observe,
    on_oom,
    propose,
    propose_request,
)
from oomsight_operator.judgement.recommend.swapped import Swapped
from oomsight_operator.judgement.recommend.track import MAX_BYTES

HOUR = int(NOW) // 3600


def busy() -> State:
    """Three weeks in which every hour was the highest so far, of all three kinds."""
    state = NOTHING
    for hour in range(24 * 21):
        amount = (100 + hour) * GI + hour * 4099
        state = observe(state, Sample(NOW - (24 * 21 - hour) * 3600, amount, amount - MI, amount - 2 * MI))
    return propose_request(propose(on_oom(state, [OomKill(700 * GI, NOW - 60)]), 900 * GI, NOW - 30), 600 * GI)


def thrashed() -> CacheNeed:
    """A month at twice the cache that does not help: every field is set."""
    need: CacheNeed | None = None
    held = 400 * GI
    for hour in range(24 * 30):
        need = observed(need, CacheLook(int(NOW) // 3600 - 24 * 30 + hour, held, 987 * MI))
        held = max(held, need.room_bytes)
    assert need is not None
    return need


def through_json(state: State) -> State:
    return from_digest(msgspec.json.decode(msgspec.json.encode(to_digest(state)), type=StateDigest), NOW)


def test_a_restarted_operator_recommends_the_same() -> None:
    before, after = busy(), through_json(busy())

    assert (after.floor, after.proposed_bytes, after.proposed_since_seconds) == (before.floor, 900 * GI, NOW - 30)
    assert after.proposed_request_bytes == 600 * GI
    assert before.unreclaimable is not None
    assert after.unreclaimable is not None
    assert (after.unreclaimable.hours, after.unreclaimable.days) == (before.unreclaimable.hours, before.unreclaimable.days)
    assert need_of(after.unreclaimable).target_bytes == need_of(before.unreclaimable).target_bytes


def test_what_refaults_asked_for_and_what_was_swapped_out_outlive_a_restart() -> None:
    fit = CacheFit(int(NOW) // 3600, 80 * MI)
    swapped = Swapped(int(NOW) // 3600, 360 * MI, 200 * MI)
    after = through_json(replace(busy(), cache=thrashed(), cache_fit=fit, tells_no_refaults=True, swapped=swapped))

    assert (after.cache, after.cache_fit, after.tells_no_refaults, after.swapped) == (thrashed(), fit, True, swapped)


def test_a_digest_from_before_refaults_counted_is_read_as_it_was() -> None:
    state = busy()
    fields = msgspec.to_builtins(to_digest(state))
    assert not {"cache", "fit", "untold"} & fields.keys()

    assert from_digest(msgspec.convert(fields, type=StateDigest), NOW).proposed_bytes == state.proposed_bytes


def test_a_digest_from_before_requests_were_steady_is_read_as_it_was() -> None:
    state = replace(busy(), proposed_request_bytes=None)
    fields = msgspec.to_builtins(to_digest(state))
    assert "ask" not in fields

    assert from_digest(msgspec.convert(fields, type=StateDigest), NOW) == through_json(state)
    assert through_json(replace(NOTHING, proposed_request_bytes=MAX_BYTES + 1)) == NOTHING


def test_an_empty_state_takes_no_space() -> None:
    assert msgspec.json.encode(to_digest(NOTHING)) == b"{}"
    assert through_json(NOTHING) == NOTHING


def test_the_fullest_state_leaves_room_for_the_rest_of_the_digest() -> None:
    assert len(msgspec.json.encode(to_digest(busy()))) < 2600
    cached = replace(NOTHING, cache=thrashed(), cache_fit=CacheFit(int(NOW) // 3600, 400 * GI), tells_no_refaults=True)
    assert len(msgspec.json.encode(to_digest(cached))) < 160
    assert len(msgspec.json.encode(to_digest(seen(GI, 24 * 21)))) < 700


def test_what_a_clock_dated_that_was_ahead_is_dated_to_now() -> None:
    hour = int(NOW) // 3600
    ahead = through_json(seen(GI, 30, until=NOW + 9 * 86400)).unreclaimable
    need = through_json(replace(NOTHING, cache=observed(None, CacheLook(hour + 1, MI, MI)))).cache

    assert ahead is not None
    assert (ahead.hour, ahead.peak_bytes, ahead.observed_hours) == (hour, GI, 31)
    assert through_json(on_oom(NOTHING, [OomKill(GI, NOW + 60)])).floor == OomFloor(GI, NOW)
    assert through_json(propose(NOTHING, GI, NOW + 60)).proposed_since_seconds == NOW
    assert need is not None
    assert need.last_hour == hour


def test_a_time_that_no_clock_shows_is_not_believed() -> None:
    assert through_json(seen(GI, 1, until=3600.0 * 10_000_001)).unreclaimable is None
    assert through_json(on_oom(NOTHING, [OomKill(GI, 1e12)])).floor is None
    assert from_digest(to_digest(busy()), float("nan")) == NOTHING


HUGE = "9" * 400
"""JSON knows no bound of a number, nor does msgspec."""


def test_no_number_of_a_status_is_too_large_to_be_read_nor_kept() -> None:
    state = replace(busy(), cache=thrashed(), cache_fit=CacheFit(HOUR, GI), swapped=Swapped(HOUR, 2 * GI, GI))
    text = msgspec.json.encode(to_digest(state)).decode()
    numbers = list(re.finditer(r"(?<=[\[,:])[0-9]+(?=[\],}])", text))
    assert len(numbers) > 150
    for number in numbers:
        for huge in (HUGE, f"-{HUGE}"):
            edited = f"{text[: number.start()]}{huge}{text[number.end() :]}"
            found = from_digest(msgspec.json.decode(edited, type=StateDigest), NOW)
            assert len(msgspec.json.encode(to_digest(found))) <= len(text) + 20


NUMBERS = st.one_of(st.integers(-(1 << 62), 1 << 62), st.integers(-3, 500_000))
TRACKS = st.builds(
    TrackDigest,
    hour=NUMBERS,
    observed=NUMBERS,
    before=NUMBERS,
    hours=st.lists(NUMBERS, max_size=40).map(tuple),
    days=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20).map(tuple),
    jumps=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20).map(tuple),
)

CACHES = st.builds(CacheDigest, *(NUMBERS,) * 8)


@given(
    st.builds(
        StateDigest,
        u=st.none() | TRACKS,
        n=st.none() | TRACKS,
        kill=st.none() | st.tuples(NUMBERS, st.floats(), NUMBERS),
        limit=st.none() | NUMBERS,
        since=st.none() | st.floats(),
        ask=st.none() | NUMBERS,
        cache=st.none() | CACHES,
        fit=st.none() | st.tuples(NUMBERS, NUMBERS),
        untold=st.booleans(),
        swap=st.none() | st.tuples(NUMBERS, NUMBERS, NUMBERS),
    )
)
def test_whatever_stands_in_a_status_a_state_comes_of_it_that_can_be_judged(digest: StateDigest) -> None:
    state = from_digest(digest, NOW)

    for track in (state.usage, state.unreclaimable):
        if track is not None:
            assert 0 <= need_of(track).least_bytes <= need_of(track).target_bytes
            assert track.peak_bytes <= MAX_BYTES
    if state.cache is not None:
        assert 0 <= (room_now(state.cache, int(NOW) // 3600, MI) or 0) <= MAX_BYTES
        observed(state.cache, CacheLook(int(NOW) // 3600, MI, MI))
    observe(state, Sample(NOW, 1, 2, 3))
    assert through_json(state) == state
