"""When the next sample is due: on a grid from the start, so that slow samples do not shift it and missed ones are not made up
for."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """A grid of `interval_seconds` from `start_seconds`, a monotonic time."""

    interval_seconds: float
    start_seconds: float

    def seconds_until_next(self, now_seconds: float) -> float:
        """Seconds to wait, more than 0 and at most the interval."""
        passed = math.floor((now_seconds - self.start_seconds) / self.interval_seconds)
        return max(0.0, self.start_seconds + (passed + 1) * self.interval_seconds - now_seconds)
