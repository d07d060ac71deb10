"""Whether containers outlived a kill: looked at once, a moment after it was asked.

A container whose first process was killed still has others for as long as the kernel takes to end them.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Final

SURVIVAL_SECONDS: Final = 0.3


class Survivors:
    """Keeps the tracker's questions until they are due."""

    def __init__(self, has_processes: Callable[[str], bool | None]) -> None:
        self._has_processes = has_processes
        self._asked: dict[str, float] = {}

    @property
    def due_seconds(self) -> float | None:
        """Monotonic time of the next look."""
        return min(self._asked.values(), default=None)

    def ask(self, container_ids: Set[str], now: float) -> None:
        """These are asked for now; those that no longer are need no answer."""
        self._asked = {container_id: self._asked.get(container_id, now + SURVIVAL_SECONDS) for container_id in container_ids}

    def answers(self, now: float) -> dict[str, bool]:
        """Of what is due by now. What cannot be read is looked at again later."""
        answers: dict[str, bool] = {}
        for container_id, due in list(self._asked.items()):
            if due <= now:
                survived = self._has_processes(container_id)
                if survived is None:
                    self._asked[container_id] = now + SURVIVAL_SECONDS
                else:
                    answers[container_id] = survived
                    del self._asked[container_id]
        return answers
