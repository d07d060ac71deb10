"""The request beside the limit, as a user reads it."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import asked, context, killed, seen

from oomsight_api.names import QosClass
from oomsight_operator.judgement.recommend.state import NOTHING, Sample, observe
from oomsight_operator.judgement.recommend.surroundings import ScaledBy, Surroundings


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
