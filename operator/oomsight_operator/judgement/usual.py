"""What is usual of a container: means over about the last hour, weighted by time. Advice rests on them, never on an instant.

Rows come when something changed, so a value stands until the next one; a gap longer than an agent leaves (ten minutes) counts as
that long. Kept only where an advice needs it, since 150,000 pods live in one operator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

MEAN_SECONDS: Final = 3600.0
LONGEST_GAP_SECONDS: Final = 600.0
"""An unchanged row is told again after so long (the agent's material.py)."""


@dataclass(frozen=True, slots=True)
class Mean:
    """Of one number over time."""

    value: float
    """Over all until `at_seconds`, the last hour weighing most."""
    latest: float
    """What it has been since then."""
    at_seconds: float
    watched_seconds: float = 0.0

    def at_least(self, seconds: float) -> bool:
        """Whether it was watched for so long."""
        return self.watched_seconds >= seconds


@dataclass(frozen=True, slots=True)
class Usual:
    """The means of one container; None where there is nothing to follow."""

    unreclaimable_bytes: Mean | None = None
    refaults_per_second: Mean | None = None
    """Refaults of file pages while usage stands at a limit; 0 while it does not. With another limit it begins anew."""
    refaults_limit_bytes: int | None = None
    """That limit."""
    swap_bytes: Mean | None = None


NOTHING_USUAL: Final = Usual()


def follow(mean: Mean | None, value: float | None, at_seconds: float) -> Mean | None:
    """Take the next value. An unknown one (None) tells nothing: the mean stays as it was."""
    if value is None or not math.isfinite(value):
        return mean
    if mean is None:
        return Mean(value, value, at_seconds)
    passed = min(max(0.0, at_seconds - mean.at_seconds), LONGEST_GAP_SECONDS)
    set_back = mean.at_seconds - at_seconds > LONGEST_GAP_SECONDS  # a node's clock: from now on time is counted by it
    watched = mean.watched_seconds + passed
    # The plain mean over what was watched until that is an hour, then the exponential one.
    weight = max(passed / watched, -math.expm1(-passed / MEAN_SECONDS)) if watched else 1.0
    since = at_seconds if set_back else max(at_seconds, mean.at_seconds)
    return Mean(mean.value + (mean.latest - mean.value) * weight, value, since, watched)


def follow_above_zero(mean: Mean | None, value: float | None, at_seconds: float) -> Mean | None:
    """The same for what most containers never do: nothing is kept before the first value above 0, nor long after the last."""
    if mean is None and not value:
        return None
    after = follow(mean, value, at_seconds)
    return None if after is not None and after.latest == 0 and after.value < 1 and after.at_least(MEAN_SECONDS) else after
