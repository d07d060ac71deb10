"""The request beside the limit, as a user reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import HOUR, asked, context, killed, seen, spec

from oomsight_api.names import QosClass
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.state import NOTHING, Sample, observe
from oomsight_operator.judgement.recommend.surroundings import ScaledBy, Surroundings


def published(held: Callable[[float], float], hours: float, *, follows: bool, request: int | None = None) -> list[tuple[int, int]]:
    """What was held, and the request that is told of it, every ten minutes from hour 4 on; held is in Mi, by the hour.
    `follows`: today's limit and request are always those recommended last, else they stay as they are."""
    state, now, told = NOTHING, context(limit=None, request=request), list[tuple[int, int]]()
    for look in range(int(hours * 6)):
        at, amount = NOW + look * HOUR / 6, int(held(look / 6) * MI)
        state = observe(state, Sample(at, working_set_bytes=amount, unreclaimable_bytes=amount))
        if look < 4 * 6:
            continue
        today = (now.limit_bytes, now.request_bytes)
        state, found = recommend(state, context(limit=today[0], request=today[1], now=at), spec(mode="Always"))
        assert found is not None
        assert found.request_bytes is not None
        told.append((amount, found.request_bytes))
        if follows:
            now = context(limit=found.limit_bytes, request=found.request_bytes)
    return told


def changes(told: list[tuple[int, int]]) -> int:
    return sum(one != other for (_, one), (_, other) in pairwise(told))


def test_request_stays_equal_to_the_limit_for_a_guaranteed_pod() -> None:
    found = asked(NOTHING, context(killed(), request=512 * MI, qos_class=QosClass.GUARANTEED))

    assert found is not None
    assert found.request_bytes == found.limit_bytes


def test_burstable_request_is_the_highest_working_set_within_the_limit() -> None:
    found = asked(observe(NOTHING, Sample(NOW, working_set_bytes=400 * MI)), context(killed()))

    assert found is not None
    assert found.request_bytes == 400 * MI


def test_on_a_slow_ramp_the_request_does_not_change_with_every_mebibyte() -> None:
    now = context(limit=None, request=None)
    ramp = [asked(seen(lambda hour: int((100 + hour) * MI), hours), now, mode="Always") for hours in range(6, 54)]

    asked_for = [found.request_bytes for found in ramp if found is not None and found.request_bytes is not None]
    assert len(asked_for) == 48
    assert len(set(asked_for)) <= 12


@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize(
    ("held", "hours", "most"),
    [
        pytest.param(lambda hour: 400 * 1.01**hour, 76, 10, id="a leak of 1 % an hour, for three days"),
        pytest.param(lambda hour: 200 * 1.04**hour, 28, 12, id="a leak of 4 % an hour, for one"),
        pytest.param(lambda hour: 200 + 60 * min(1.0, max(0.0, hour - 5)), 7, 3, id="a start: a third more within an hour"),
        pytest.param(lambda hour: 400 + 20 * (hour // 24 % 2) * (hour % 24 > 20), 96, 0, id="a peak of 5 % for three hours"),
    ],
)
def test_a_request_changes_a_few_times_a_day_whoever_follows(
    held: Callable[[float], float], hours: float, most: int, *, follows: bool
) -> None:
    assert changes(published(held, hours, follows=follows)) <= most


@pytest.mark.parametrize("follows", [True, False])
def test_what_is_held_on_and_on_is_asked_for_within_hours_lest_it_be_evicted_first(*, follows: bool) -> None:
    """4 % above the request are no reason at once; yet the pod stands before all that are within theirs."""
    told = published(lambda hour: 400 if hour < 30 else 416, 40, follows=follows)

    above = [request for amount, request in told if amount > request]
    assert 3 * 6 <= len(above) <= 7 * 6
    assert told[-1][1] == 416 * MI


def test_where_nobody_follows_a_raise_by_a_little_is_not_taken_back_and_told_again() -> None:
    """Every third day it is above its request for half a day."""
    told = published(lambda hour: 416 if hour % 72 >= 60 else 390, 10 * 24, follows=False, request=400 * MI)

    assert [told[0][1], told[-1][1], changes(told)] == [400 * MI, 416 * MI, 1]


@given(st.lists(st.integers(100, 400), min_size=10, max_size=60), st.booleans())
def test_whatever_comes_the_request_is_never_far_below_it(amounts: list[int], follows: bool) -> None:
    told = published(lambda hour: amounts[int(hour)], len(amounts), follows=follows)

    assert all(amount <= request * 1.06 + 1 for amount, request in told)


def test_a_request_as_recommended_before_does_not_stay_at_a_limit_that_came_down_to_it() -> None:
    """As today's: it would leave no room for bursts."""
    found = asked(replace(seen(400 * MI, 24 * 9), proposed_request_bytes=448 * MI), context(), mode="Always")

    assert found is not None
    assert found.limit_bytes is not None
    assert found.limit_bytes < 448 * MI
    assert found.request_bytes == 400 * MI


def test_a_request_that_follows_the_limit_follows_it_by_little_too() -> None:
    now = context(limit=420 * MI, request=416 * MI, qos_class=QosClass.GUARANTEED)
    found = asked(seen(418 * MI, 24 * 9), now, mode="Always")

    assert found is not None
    assert found.request_bytes == found.limit_bytes != 420 * MI


def test_an_init_containers_request_is_not_lowered_for_what_was_recommended_before() -> None:
    state = replace(seen(100 * MI, 24 * 9), proposed_request_bytes=104 * MI)
    _, found = recommend(state, context(request=256 * MI, brief=True), spec(mode="Always"))

    assert found is not None
    assert found.request_bytes == 256 * MI


def test_request_is_never_lowered_on_the_word_of_a_kill() -> None:
    found = asked(seen(10 * MI, 3), context(killed(), request=256 * MI))

    assert found is not None
    assert found.request_bytes == 256 * MI


@pytest.mark.parametrize(("request_mi", "expected"), [(390, 400), (400, 400), (430, 430), (455, 400), (470, 400)])
def test_a_request_is_raised_at_once_and_not_lowered_by_a_little(request_mi: int, expected: int) -> None:
    """As a limit: nobody rolls out for it. Where the limit comes down to it (440Mi) it would leave no room for bursts."""
    found = asked(seen(400 * MI, 24 * 9), context(request=request_mi * MI), mode="Always")

    assert found is not None
    assert found.request_bytes == expected * MI


def test_rounding_never_lifts_a_request_to_the_limit_where_it_would_be_kept_equal_from_then_on() -> None:
    """513Mi rounds up to 544Mi, and so high is the limit: followed once, each later limit would have been the request as well."""
    found = asked(seen(513 * MI, 24 * 9), context(limit=544 * MI, request=496 * MI), mode="Always")

    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (544 * MI, 512 * MI)
    assert found.request_steps[-1].why == "kept below the limit, so that it does not make the pod Guaranteed"


@pytest.mark.parametrize("target", ["Keep", "Burstable"])
def test_room_for_page_cache_makes_no_burstable_pod_guaranteed(target: str) -> None:
    state = NOTHING
    for hour in range(24 * 9):
        state = observe(state, Sample(NOW + (hour - 24 * 9) * 3600, unreclaimable_bytes=200 * MI, working_set_bytes=616 * MI))
    found = asked(state, context(limit=1024 * MI), mode="Always", targetQoS=target)

    assert found is not None
    assert (found.limit_bytes, found.request_bytes) == (616 * MI, 608 * MI)


def test_a_request_that_is_not_lowered_yet_and_one_that_an_autoscaler_goes_by_stay_at_the_limit() -> None:
    first_day = asked(seen(100 * MI, 5), context(limit=512 * MI, request=512 * MI), mode="Always", targetQoS="Burstable")
    scaled = Surroundings(autoscalers=(ScaledBy("web"),))
    autoscaled = asked(seen(100 * MI, 24 * 9), context(limit=512 * MI, request=110 * MI, around=scaled), mode="Always")

    assert [found.request_bytes for found in (first_day, autoscaled) if found is not None] == [512 * MI, 109 * MI]


def test_best_effort_pod_keeps_its_class_when_the_policy_wants_it_kept() -> None:
    bare = context(killed(None), limit=None, request=None, qos_class=QosClass.BEST_EFFORT)

    assert asked(seen(100 * MI, 3), bare) is None
    assert asked(seen(100 * MI, 3), bare, targetQoS="Burstable") is not None
