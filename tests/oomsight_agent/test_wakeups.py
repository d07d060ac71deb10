"""What ends the main thread's wait."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from oomsight_agent.wakeups import Wakeups

LONG_SECONDS = 60.0


@pytest.fixture
def wakeups() -> Iterator[Wakeups]:
    made = Wakeups((signal.SIGTERM, signal.SIGUSR1))
    yield made
    made.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def soon() -> float:
    return time.monotonic() + 0.01


def far() -> float:
    return time.monotonic() + LONG_SECONDS


def test_a_moment_ends_it(wakeups: Wakeups) -> None:
    until = soon()
    assert wakeups.wait(until) == frozenset()
    assert time.monotonic() >= until
    assert wakeups.wait(until - 10) == frozenset()
    assert wakeups.stopped_by is None


def test_what_can_be_read_ends_it_by_its_name_and_again_until_it_was_read(wakeups: Wakeups, pipe: tuple[int, int]) -> None:
    wakeups.watch("log", pipe[0])
    os.write(pipe[1], b"x")
    assert wakeups.wait(far()) == {"log"}
    assert wakeups.wait(far()) == {"log"}
    os.read(pipe[0], 10)
    assert wakeups.wait(soon()) == frozenset()


def test_who_speaks_all_the_time_is_not_heard_for_a_while_but_others_are(wakeups: Wakeups, pipe: tuple[int, int]) -> None:
    read, write = os.pipe()
    wakeups.watch("log", pipe[0])
    wakeups.watch("other", read)
    os.write(pipe[1], b"x")
    assert wakeups.wait(soon(), deaf_to=["log"]) == frozenset()
    os.write(write, b"x")
    assert wakeups.wait(far(), deaf_to=["log"]) == {"other"}
    assert wakeups.wait(far()) == {"log", "other"}
    wakeups.unwatch("other")
    assert wakeups.wait(far()) == {"log"}
    os.close(read)
    os.close(write)


def test_a_stop_signal_ends_it_and_the_first_one_is_told(wakeups: Wakeups) -> None:
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGTERM)
    assert wakeups.wait(far()) == frozenset()
    assert wakeups.stopped_by is signal.SIGUSR1


def test_a_signal_before_the_wait_is_not_missed_and_another_one_stops_nothing(wakeups: Wakeups) -> None:
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        os.kill(os.getpid(), signal.SIGUSR2)
        wakeups.wait(far())
        assert wakeups.stopped_by is None
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_when_it_is_closed_signals_do_what_they_did_before() -> None:
    before, descriptors = signal.getsignal(signal.SIGUSR1), len(os.listdir("/proc/self/fd"))
    made = Wakeups((signal.SIGUSR1,))
    assert signal.getsignal(signal.SIGUSR1) is not before
    made.close()
    assert signal.getsignal(signal.SIGUSR1) is before
    assert len(os.listdir("/proc/self/fd")) == descriptors
