"""The request beside the limit, as a user reads it."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import MI, NOW
from tests.oomsight_operator.judgement.recommend.scenes import asked, context, killed, seen

from oomsight_api.names import QosClass
from oomsight_operator.judgement.recommend.state import NOTHING, Sample, observe


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


def test_best_effort_pod_keeps_its_class_when_the_policy_wants_it_kept() -> None:
    bare = context(killed(None), limit=None, request=None, qos_class=QosClass.BEST_EFFORT)

    assert asked(seen(100 * MI, 3), bare) is None
    assert asked(seen(100 * MI, 3), bare, targetQoS="Burstable") is not None
