"""Replicas of one workload that run with different limits: whose recommendation is the workload's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.publishing.builders import MI

from oomsight_operator.judgement.model import Recommendation
from oomsight_operator.publishing.deciding import deciding_limit, deciding_request

Change = tuple[int | None, int | None]
"""From now to recommended, in MiB."""


def replica(limit: Change, request: Change = (None, None)) -> Recommendation:
    now, wanted, request_now, request_wanted = (amount * MI if amount is not None else None for amount in (*limit, *request))
    return Recommendation("app", wanted, request_wanted, now, request_now)


@pytest.mark.parametrize(
    ("replicas", "limit_mi"),
    [
        pytest.param([(512, 512), (512, 512), (460, 460)], 460, id="what-the-lowest-keeps-is-enough-for-all"),
        pytest.param([(1024, 1024), (256, 256)], 256, id="an-old-one-keeps-its-own-as-nothing-is-proven-yet"),
        pytest.param([(1024, 240), (256, 256)], 256, id="an-old-one-is-lowered-and-the-new-one-stays"),
        pytest.param([(1024, 1024), (256, 320), (256, 300)], 320, id="the-worst-that-must-be-raised-counts"),
        pytest.param([(1024, 240), (1024, 250)], 250, id="equal-ones-get-the-most"),
        pytest.param([(None, 300), (256, 256)], 256, id="one-without-a-limit-is-no-reason-to-raise"),
        pytest.param([(None, 300), (None, 310)], 310, id="none-has-any"),
        pytest.param([(256, None)], None, id="no-limit-is-recommended"),
        pytest.param([], None, id="nobody"),
    ],
)
def test_the_limit_of_a_workload_whose_replicas_have_different_ones(replicas: list[Change], limit_mi: int | None) -> None:
    found = deciding_limit([replica(change) for change in replicas])

    assert (found.limit_bytes if found is not None else None) == (limit_mi * MI if limit_mi is not None else None)


def test_a_request_that_an_old_replica_keeps_does_not_exceed_the_limit_of_the_new_ones() -> None:
    old, new = replica((1024, 1024), (900, 900)), replica((256, 256), (None, 200))
    limit = deciding_limit([old, new])

    assert limit is new
    assert deciding_request([old, new], limit) is new


AMOUNT = st.none() | st.integers(1, 64)


@given(st.lists(st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT), max_size=5))
def test_nobody_that_must_be_raised_is_left_out_and_the_request_fits(replicas: list[tuple[int | None, ...]]) -> None:
    found = [
        replica((now, wanted), (request_now, min(request, wanted) if request is not None and wanted is not None else request))
        for now, wanted, request_now, request in replicas
    ]
    limit = deciding_limit(found)
    request = deciding_request(found, limit)

    for one in found:
        if one.limit_bytes is not None:
            assert limit is not None
            assert limit.limit_bytes is not None
            if one.current_limit_bytes is not None and one.limit_bytes > one.current_limit_bytes:
                assert limit.limit_bytes >= one.limit_bytes
    if limit is not None and request is not None and limit.request_bytes is not None:
        assert (request.request_bytes or 0) <= (limit.limit_bytes or 0)
