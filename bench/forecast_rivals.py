"""What people alert on today: Prometheus' `predict_linear` and a static threshold.

`predict_linear(v[1h], 4 * 3600) > limit`: least squares over the last hour, drawn four hours on (promql/functions.go,
linearRegression with the time of evaluation as intercept). Resets are no matter: it is a gauge.
"""

from __future__ import annotations

from collections import deque
from typing import Final

RANGE_SECONDS: Final = 3600.0
STATIC_SHARE: Final = 0.9


class PredictLinear:
    """The last hour of one series."""

    def __init__(self) -> None:
        self._window: deque[tuple[float, float]] = deque()

    def add(self, now_seconds: float, value: float) -> None:
        self._window.append((now_seconds, value))
        while self._window[0][0] < now_seconds - RANGE_SECONDS:
            self._window.popleft()

    def line(self) -> tuple[float, float] | None:
        """Value now and slope a second; None with fewer than two samples."""
        if len(self._window) < 2:
            return None
        now = self._window[-1][0]
        count = len(self._window)
        xs = [when - now for when, _ in self._window]
        mean_x, mean_y = sum(xs) / count, sum(value for _, value in self._window) / count
        over = sum((x - mean_x) ** 2 for x in xs)
        if over <= 0:
            return None
        slope = sum((x - mean_x) * (value - mean_y) for x, (_, value) in zip(xs, self._window, strict=True)) / over
        return mean_y - slope * mean_x, slope

    def seconds_to(self, limit: float) -> float | None:
        """When the line meets the limit; None when it does not rise."""
        line = self.line()
        if line is None:
            return None
        value, slope = line
        if value >= limit:
            return 0.0
        return (limit - value) / slope if slope > 0 else None
