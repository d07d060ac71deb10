"""The pods that were there at the start: until each of them was judged or is gone, counts of pods mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class FirstRound:
    """Calls `complete` once, after the last of them."""

    def __init__(self, complete: Callable[[], None]) -> None:
        self._complete = complete
        self._left: set[str] | None = None
        """None: not begun, or complete."""

    def begin(self, uids: Iterable[str]) -> None:
        """These are there."""
        self._left = set(uids)
        self._look()

    def done(self, uid: str) -> None:
        """It was judged, or is gone."""
        if self._left is not None:
            self._left.discard(uid)
            self._look()

    def _look(self) -> None:
        if not self._left:
            self._left = None
            self._complete()
