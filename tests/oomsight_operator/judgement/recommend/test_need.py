"""How much room is left, and why: the level and a jump, or the highest peak and a little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_operator.judgement.recommend.need import DEFAULT, Need, Reason, level_of, need_of
from oomsight_operator.judgement.recommend.neighbours import Neighbour, Neighbourhood, leaps_of
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.judgement.recommend.track import Track, extended


def need(state: State) -> Need:
    assert state.unreclaimable is not None
    return need_of(state.unreclaimable)


def test_little_history_widens_the_room_which_shrinks_with_every_hour_seen() -> None:
    rooms = [need(seen(GI, hours)).room for hours in (0, 5, 9, 30)]

    assert [room.reason for room in rooms] == [Reason.COLD_START, Reason.COLD_START, Reason.COLD_START, Reason.ALWAYS]
    assert [round(room.target, 3) for room in rooms] == [0.14, 0.093, 0.056, 0.05]


def test_room_follows_the_containers_own_jumps_and_fades() -> None:
    jumped = seen(1200 * MI, 0, state=seen(GI, 100, until=1e9), until=1e9 + 1800)
    day_later = seen(1200 * MI, 24, state=jumped, until=1e9 + 86400 + 1800)

    assert need(jumped).room.reason is Reason.JUMP
    assert need(jumped).room.target == pytest.approx(176 / 1024)
    assert need(day_later).room.target == pytest.approx(88 / 1024, abs=0.005)


def test_a_jump_never_asks_for_more_room_than_the_most() -> None:
    jumped = seen(5 * GI, 0, state=seen(GI, 100, until=1e9), until=1e9 + 3600)

    assert need(jumped).room.target == DEFAULT.room_most


def test_a_small_container_leaves_room_for_a_process_beside_it_while_little_was_seen() -> None:
    young, old = need(seen(40 * MI, 3)).room, need(seen(40 * MI, 200)).room

    assert (young.reason, young.by_bytes) == (Reason.COLD_START, 7 * MI)
    assert young.target == pytest.approx(0.175)
    assert need(seen(10 * MI, 3)).room.target == DEFAULT.room_most
    assert old.reason is Reason.ALWAYS


def test_five_percent_of_a_small_container_is_next_to_nothing_so_it_gets_three_quarters_of_a_mebibyte() -> None:
    assert need(seen(10 * MI, 400)).least_bytes == 10.75 * MI
    assert need(seen(100 * MI, 400)).least_bytes == 105 * MI
    assert need(seen(MI, 400)).least_bytes == int(MI * (1 + DEFAULT.room_most))


@pytest.mark.parametrize(
    ("unwatched", "reason", "room"), [(1, Reason.ALWAYS, 0.05), (12, Reason.ALWAYS, 0.05), (50, Reason.UNWATCHED, 0.14)]
)
def test_hours_that_nobody_watched_bring_back_the_room_of_the_start(unwatched: int, reason: Reason, room: float) -> None:
    track = seen(GI, 199).unreclaimable
    assert track is not None

    found = need_of(track, track.hour + unwatched)
    assert found.room.reason is reason
    assert found.room.target == pytest.approx(room)


def test_a_short_peak_far_above_the_level_is_not_hidden_and_gets_little_room_of_its_own() -> None:
    spiky = need(seen(lambda hour: 4 * GI if 20 <= hour < 20.5 else GI, 200))

    assert spiky.level_bytes == GI
    assert spiky.peak_bytes == 4 * GI
    assert spiky.target_bytes == int(4 * GI * 1.085)


def test_what_swings_from_hour_to_hour_gets_more_room_above_its_peak_than_what_is_calm() -> None:
    calm = need(seen(lambda hour: GI if int(hour) != 90 else int(1.1 * GI), 100))
    swinging = need(seen(lambda hour: GI if int(hour) % 2 else int(1.02 * GI), 100))
    wild = need(seen(lambda hour: GI if int(hour) % 2 else int(1.2 * GI), 100))

    assert [round(each.swing or 0.0, 3) for each in (calm, swinging, wild)] == [0.0, 0.02, 0.167]
    assert [round(each.peak_room, 3) for each in (calm, swinging, wild)] == [0.05, 0.099, 0.115]
    assert need(seen(GI, 2)).swing is None, "of three hours nobody can tell"


def test_the_level_is_what_it_holds_now_when_that_is_more_than_usual() -> None:
    rising = seen(lambda hour: GI if hour < 47.5 else 2 * GI, 48)
    assert rising.unreclaimable is not None

    assert level_of(rising.unreclaimable) == 2 * GI


def test_between_least_and_target_a_slow_ramp_changes_nothing() -> None:
    calm = need(seen(GI, 400))

    assert calm.least_bytes == int(GI * 1.05)
    assert calm.target_bytes == int(GI * 1.085)


def test_what_two_neighbours_did_is_expected_and_must_be_left_until_it_was_done_oneself() -> None:
    jumped = seen(36 * MI, 0, state=seen(30 * MI, 100, until=1e9), until=1e9 + 3600)
    around = Neighbourhood(tuple(Neighbour(name, "app", leaps_of(jumped.unreclaimable)) for name in ("uid-1", "uid-2")), 9)
    calm = seen(40 * MI, 200, until=1e9 + 3600)
    too = seen(46 * MI, 0, state=calm, until=1e9 + 7200)
    assert calm.unreclaimable is not None
    assert too.unreclaimable is not None

    warned = need_of(calm.unreclaimable, neighbours=around)
    assert (warned.room.reason, warned.room.by_bytes, warned.room.witnesses) == (Reason.NEIGHBOURS, 6 * MI, 2)
    assert warned.least_bytes == 46 * MI
    assert need_of(too.unreclaimable, neighbours=around).room.reason is Reason.JUMP


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 1 << 50)), min_size=1, max_size=60))
def test_a_target_is_above_what_is_held_and_was_held_and_never_far_above(samples: list[tuple[int, int]]) -> None:
    track: Track | None = None
    for hour, amount in samples:
        track = extended(track, amount, hour)
    assert track is not None

    found = need_of(track)
    highest = max(track.peak_bytes, found.level_bytes)
    assert highest <= found.least_bytes <= found.target_bytes <= highest * (1 + DEFAULT.room_most + DEFAULT.level_extra_most)
