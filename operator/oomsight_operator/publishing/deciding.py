"""Whose recommendation is the workload's, where replicas run with different limits (a rollout, a partition, OnDelete). Pure.

All replicas learn from one memory, so what one of them may keep is enough for each. A limit that an old replica keeps because
nobody has proven yet that less is enough, or because a little less is not worth a rollout, is no reason to raise that of a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from oomsight_operator.judgement.model import Recommendation

_Amount = Callable[[Recommendation], int | None]


def deciding_limit(found: Iterable[Recommendation]) -> Recommendation | None:
    """The one whose limit counts; None where none has any."""
    return _deciding(found, lambda one: one.limit_bytes, lambda one: one.current_limit_bytes)


def deciding_request(found: Iterable[Recommendation], limit: Recommendation | None) -> Recommendation | None:
    """The one whose request counts: within the limit that was decided on, or what belongs to that."""
    request = _deciding(found, lambda one: one.request_bytes, lambda one: one.current_request_bytes)
    if request is None or limit is None or limit.request_bytes is None:
        return request
    return request if (request.request_bytes or 0) <= (limit.limit_bytes or 0) else limit


def _deciding(found: Iterable[Recommendation], wanted: _Amount, now: _Amount) -> Recommendation | None:
    """The most that one is to be raised to; where none is, what becomes of the lowest in force; where none has any, the most."""
    recommending = [one for one in found if wanted(one) is not None]
    in_force = [one for one in recommending if now(one) is not None]
    raised = [one for one in in_force if (wanted(one) or 0) > (now(one) or 0)]
    if in_force and not raised:
        return min(in_force, key=lambda one: (now(one) or 0, -(wanted(one) or 0)))
    return max(raised or recommending, key=lambda one: wanted(one) or 0, default=None)
