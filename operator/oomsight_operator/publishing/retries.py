"""What to do when a write fails: try again and when, or let it be. Pure; the jitter is passed in."""

from __future__ import annotations

from dataclasses import dataclass

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.settings import PublisherSettings


@dataclass(frozen=True, slots=True)
class Retry:
    """Try the key again after `after_seconds`; with `pause_all` nothing at all is sent before."""

    after_seconds: float
    pause_all: bool = False
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """No other try would end better."""

    gone: bool = False
    """The object is no more: nothing to worry about."""


def back_off_seconds(attempts: int, base_seconds: float, cap_seconds: float, jitter: float) -> float:
    """Exponential back-off of the (attempts + 1)-th try, between half and all of it by `jitter` (0 to 1)."""
    whole = min(cap_seconds, base_seconds * 2.0 ** min(attempts, 32))
    return whole * (0.5 + 0.5 * jitter)


def is_rejected(error: ApiError) -> bool:
    """Whether the API server refuses this very request, and always will."""
    return not error.transient and error.status not in (401, 403, 409)


def is_given_up(error: ApiError) -> bool:
    """Whether `judge_failure` drops the work: whoever offers the like again at once meets the same."""
    return is_rejected(error) or (error.status == 403 and _is_ending(error))


def judge_failure(error: ApiError, attempts: int, settings: PublisherSettings, jitter: float) -> Retry | Drop:
    """404 and 410: gone. 403 waits for an admin, or for a fresh API server to know its roles. 409, 429, 5xx, 401 and no answer at
    all come back; other 4xx never get better.

    Retry-After is the least time to wait, spread a little so that not everybody comes back in the same instant. After a 429 the
    server asks for fewer requests of any kind, so everything pauses (API Priority and Fairness).
    """
    if error.status in (404, 410):
        return Drop(gone=True)
    if error.status == 403 and _is_ending(error):
        return Drop(gone=True)  # nothing is made in a namespace that goes away; no right is missing
    if error.status == 403:
        seconds = back_off_seconds(attempts, settings.forbidden_base_seconds, settings.forbidden_retry_seconds, jitter)
        return Retry(seconds, forbidden=True)
    if is_rejected(error):
        return Drop()
    seconds = back_off_seconds(attempts, settings.retry_base_seconds, settings.retry_cap_seconds, jitter)
    if error.retry_after_seconds is not None:
        seconds = max(seconds, error.retry_after_seconds * (1 + 0.1 * jitter))
    return Retry(seconds, pause_all=error.status == 429)


def _is_ending(error: ApiError) -> bool:
    return "being terminated" in error.message
