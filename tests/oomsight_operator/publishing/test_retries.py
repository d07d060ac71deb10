"""Which failures are tried again, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.retries import Drop, Retry, back_off_seconds, judge_failure
from oomsight_operator.publishing.settings import PublisherSettings

SETTINGS = PublisherSettings()


def judge(
    status: int, attempts: int = 0, *, message: str = "no", retry_after: float | None = None, jitter: float = 0.0
) -> Retry | Drop:
    return judge_failure(ApiError(status, "", message, retry_after), attempts, SETTINGS, jitter)


@pytest.mark.parametrize("status", [404, 410])
def test_an_object_that_is_gone_is_let_go(status: int) -> None:
    assert judge(status) == Drop(gone=True)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_the_server_will_never_take_is_given_up(status: int) -> None:
    assert judge(status) == Drop(gone=False)


@pytest.mark.parametrize("status", [0, 401, 409, 500, 503, 504])
def test_what_may_get_better_is_tried_again(status: int) -> None:
    verdict = judge(status)
    assert isinstance(verdict, Retry)
    assert 0 < verdict.after_seconds <= SETTINGS.retry_base_seconds
    assert not verdict.pause_all


def test_too_many_requests_pauses_everything_at_least_as_long_as_the_server_asks() -> None:
    verdict = judge(429, retry_after=17.0)
    assert isinstance(verdict, Retry)
    assert verdict.after_seconds >= 17.0
    assert verdict.pause_all


def test_a_missing_right_is_tried_soon_since_a_fresh_api_server_does_not_know_its_roles_yet_and_then_slowly() -> None:
    verdicts = [judge(403, attempts, message="forbidden to patch pods: needs the rule …") for attempts in range(20)]
    waits = [verdict.after_seconds for verdict in verdicts if isinstance(verdict, Retry) and verdict.forbidden]
    assert len(waits) == len(verdicts)
    assert waits[0] <= 10
    assert sum(waits[:4]) > 60
    assert waits[-1] >= SETTINGS.forbidden_retry_seconds / 2


def test_a_namespace_that_goes_away_is_no_missing_right() -> None:
    message = 'events "x" is forbidden: unable to create new content in namespace shop because it is being terminated'
    assert judge(403, message=message) == Drop(gone=True)


@given(attempts=st.integers(0, 10_000), jitter=st.floats(0, 1))
def test_back_off_grows_but_stays_bounded_and_never_hammers(attempts: int, jitter: float) -> None:
    seconds = back_off_seconds(attempts, 0.5, 120.0, jitter)
    assert 0.25 <= seconds <= 120.0
    assert seconds <= back_off_seconds(attempts + 1, 0.5, 120.0, jitter)
