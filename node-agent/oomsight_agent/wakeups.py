"""What the main thread waits for: a moment, a stop signal, or something to read on one of a few descriptors.

Signals arrive as bytes in a pipe (`signal.set_wakeup_fd`), so that one poll waits for everything and none is missed in between.
"""

from __future__ import annotations

import math
import os
import select
import signal
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from types import FrameType
from typing import Final

LONGEST_WAIT_SECONDS: Final = 3600.0


class Wakeups:
    """To be made, used and closed in the main thread. While it is open the `signals` end nothing by themselves."""

    def __init__(self, signals: Iterable[signal.Signals]) -> None:
        self.stopped_by: signal.Signals | None = None
        """The first of the signals that came."""
        self._signals = frozenset(signals)
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._handlers = {number: signal.signal(number, _nothing) for number in self._signals}
        self._previous = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._names: dict[int, str] = {}

    def watch(self, name: str, descriptor: int) -> None:
        """From now on `wait` tells when there is something to read on `descriptor`, under this name."""
        self._names[descriptor] = name
        self._poll.register(descriptor, select.POLLIN)

    def unwatch(self, name: str) -> None:
        """To be called before the descriptor is closed."""
        for descriptor in [descriptor for descriptor, known in self._names.items() if known == name]:
            self._poll.unregister(descriptor)
            del self._names[descriptor]

    def wait(self, until_seconds: float, *, deaf_to: Collection[str] = ()) -> frozenset[str]:
        """Names of what can be read; none when the monotonic time `until_seconds` came first, or a signal (see `stopped_by`).

        `deaf_to` these it does not listen: whoever speaks all the time is heard now and then.
        """
        deaf = [descriptor for descriptor, name in self._names.items() if name in deaf_to]
        for descriptor in deaf:
            self._poll.unregister(descriptor)  # asked for no event it would still tell of an error
        try:
            seconds = min(max(0.0, until_seconds - time.monotonic()), LONGEST_WAIT_SECONDS)
            ready = [descriptor for descriptor, _ in self._poll.poll(math.ceil(seconds * 1000))]
        finally:
            for descriptor in deaf:
                self._poll.register(descriptor, select.POLLIN)
        if self._read in ready:
            self._read_signals()
        return frozenset(self._names[descriptor] for descriptor in ready if descriptor in self._names)

    def close(self) -> None:
        """The signals do again what they did before."""
        signal.set_wakeup_fd(self._previous)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _read_signals(self) -> None:
        with suppress(BlockingIOError):
            for number in os.read(self._read, 512):
                if self.stopped_by is None and number in self._signals:
                    self.stopped_by = signal.Signals(number)


def _nothing(number: int, frame: FrameType | None) -> None:
    """The number is in the pipe already."""
