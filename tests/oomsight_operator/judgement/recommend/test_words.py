"""What a reader is told of the evidence holds for short jobs, tiny containers and the first hour, too."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import DAY, HOUR, asked, context, killed, seen, why

from oomsight_api.incident import OomScope
from oomsight_operator.judgement.recommend.need import need_of
from oomsight_operator.judgement.recommend.state import NOTHING, Sample, State, observe
from oomsight_operator.judgement.recommend.words import room_words


def nightly(nights: int) -> State:
    """A job that holds 400Mi for some minutes of each night."""
    state = NOTHING
    for night in range(nights):
        state = observe(state, Sample(NOW - (nights - 1 - night) * DAY, unreclaimable_bytes=400 * MI))
    return state


def test_a_jobs_hours_are_told_as_the_days_they_are_spread_over() -> None:
    found = asked(nightly(12), context(limit=512 * MI), mode="Always")

    assert "highest unreclaimable memory in 12 days: 400Mi" in why(found)


@pytest.mark.parametrize(("hours", "words"), [(22, "in 23 hours"), (46, "in 47 hours"), (47, "in 3 days")])
def test_hours_without_a_gap_are_told_as_hours_up_to_two_days(hours: int, words: str) -> None:
    assert f"highest unreclaimable memory {words}: 400Mi" in why(asked(seen(400 * MI, hours), context(), mode="Always"))


def test_the_level_is_of_the_latest_hour_or_of_those_before_and_which_is_said() -> None:
    jumped = seen(500 * MI, 0, state=seen(400 * MI, 10, until=NOW - HOUR))
    usual = seen(300 * MI, 0, state=seen(400 * MI, 5, until=NOW - HOUR))

    assert why(asked(jumped, context(limit=None), mode="Always")).startswith(
        "highest unreclaimable memory in the latest hour seen: 500Mi; +25.5 %: 22 % for a jump, as it rose by 25 % within an hour,"
        " less than an hour ago"
    )
    assert why(asked(usual, context(limit=None), mode="Always")).startswith(
        "usual unreclaimable memory in the 6 hours seen before the latest: 400Mi"
    )


@given(st.integers(MI, 2000 * MI), st.integers(0, 40), st.integers(0, 5))
@example(9532510, 31, 3)  # a part at a tie, which to thousandths rounds the other way than to tenths of a percent
def test_the_parts_of_the_room_add_up_to_what_is_told_of_the_whole(amount: int, hours: int, ago: int) -> None:
    track = seen(amount, hours, until=NOW - ago * HOUR).unreclaimable
    assert track is not None
    words = room_words(need_of(track, int(NOW) // 3600))
    whole, room, extra = (float(each) for each in re.findall(r"([0-9.]+) %", words))

    assert words.startswith(f"+{whole:g} %: {room:g} %")
    assert whole == pytest.approx(room + extra)


def test_the_first_hour_is_told_as_one() -> None:
    of_node = context(killed(None, scope=OomScope.NODE), limit=None)

    assert why(asked(seen(400 * MI, 0), of_node)).startswith(
        "highest unreclaimable memory in the first hour seen: 400Mi; +17.5 %: 14 % as long as little was seen of it (1 hour);"
    )


def test_memory_of_which_usage_alone_is_known_is_told_so_in_the_middle_of_a_sentence() -> None:
    state = NOTHING
    for hour in range(5):
        state = observe(state, Sample(NOW + (hour - 4) * HOUR, usage_bytes=400 * MI))

    assert "highest usage (page cache included) in the latest hour seen: 400Mi" in why(asked(state, context(), mode="Always"))


@pytest.mark.parametrize(
    ("held", "room"),
    [(3 * MI, "22 % is always left"), (10 * MI, "7.5 % (768Ki) is always left")],
)
def test_of_a_tiny_container_no_more_room_is_told_than_is_left(held: int, room: str) -> None:
    assert f": {room}; 8 %" in why(asked(seen(held, 24 * 9), context(limit=None), mode="Always"))
