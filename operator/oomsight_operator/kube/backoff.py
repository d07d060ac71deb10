"""Growing, jittered pauses between attempts, so that a thousand clients of a server that came back do not arrive together."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Pauses that double from `first_seconds` to `most_seconds`, each drawn between half and all of it."""

    first_seconds: float = 0.5
    most_seconds: float = 30.0
    draw: Callable[[], float] = field(default=random.random, repr=False)
    """Uniform in [0, 1); replaced in tests."""
    _failures: int = 0

    def next_seconds(self, at_least_seconds: float | None = None) -> float:
        """The next pause; never shorter than what the server asked for (Retry-After)."""
        ceiling = min(self.first_seconds * 2.0 ** min(self._failures, 30), self.most_seconds)
        self._failures += 1
        return max(ceiling * (0.5 + self.draw() / 2), at_least_seconds or 0.0)

    def reset(self) -> None:
        """Something worked: begin with the shortest pause again."""
        self._failures = 0

    @property
    def failures(self) -> int:
        """Pauses since the last success."""
        return self._failures
