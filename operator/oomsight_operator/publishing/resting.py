"""Workloads without judged pods: remembered for a while, then known by the fact alone that they have an object. Bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MOST_KNOWN: Final = 50_000
"""Workloads with an object that are not remembered; of more than that the first are found again when theirs is to be made."""


class Resting:
    """By the key of the workload. Times are of any clock that does not go back."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._since: dict[str, float] = {}
        """Longest first."""
        self._known: dict[str, None] = {}
        """Longest first."""

    def rest(self, key: str, now: float) -> None:
        """It has no judged pod now."""
        self._since.pop(key, None)
        self._since[key] = now

    def wake(self, key: str) -> None:
        """It has one again, or is gone for good."""
        self._since.pop(key, None)

    def take_due(self, now: float) -> Iterator[str]:
        """Those that rest for longer than the patience; each is given out once."""
        while self._since:
            key, since = next(iter(self._since.items()))
            if now - since < self._patience_seconds:
                return
            del self._since[key]
            yield key

    def know(self, key: str) -> None:
        """It is no longer remembered, but has an object."""
        self._known[key] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def recall(self, key: str) -> bool:
        """Whether it has an object; asked once, since from then on it is remembered."""
        if key not in self._known:
            return False
        del self._known[key]
        return True
