"""When a pod's events wake the agent. A real pollable file of the kernel stands in for `memory.events`: `cgroup.events` of a cgroup
of ours, which needs no memory controller. What it says is the test's."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from oomsight_agent.kernel.oom_notify_v2 import GRID_SECONDS, SILENCE_MOST_SECONDS, EventsNotify

ROOTS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")


class Pod:
    """A directory whose `memory.events` speaks when told to."""

    def __init__(self, directory: Path, cgroup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self._cgroup = cgroup
        self.content = {"max": 0, "oom": 0, "oom_kill": 0}
        (directory / "memory.events").symlink_to(cgroup / "cgroup.events")
        pread = os.pread

        def events(descriptor: int, size: int, offset: int) -> bytes:
            assert pread(descriptor, size, offset)  # which tells the kernel that the news were taken
            return "".join(f"{key} {value}\n" for key, value in self.content.items()).encode()

        monkeypatch.setattr(os, "pread", events)

    def speak(self, **events: int) -> None:
        """Count so many more, and have the kernel tell: by a process that comes into the cgroup and goes."""
        for key, count in events.items():
            self.content[key] += count
        pid = os.fork()
        if pid == 0:
            os._exit(0 if (self._cgroup / "cgroup.procs").write_text("0") else 1)
        _, status = os.waitpid(pid, 0)
        assert status == 0


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pod]:
    root = next((root for root in ROOTS if os.path.exists(f"{root}/cgroup.controllers")), None)
    if root is None or not os.access(root, os.W_OK):
        pytest.skip("no cgroup v2 hierarchy that this user may make cgroups in")
    cgroup = Path(root, f"oomsight-test-{os.getpid()}")
    try:
        cgroup.mkdir()
    except OSError as error:
        pytest.skip(f"this user may not make cgroups: {error}")
    try:
        yield Pod(tmp_path, cgroup, monkeypatch)
    finally:
        deadline = time.monotonic() + 10
        while cgroup.is_dir():
            try:
                cgroup.rmdir()
            except OSError:
                assert time.monotonic() < deadline


@pytest.fixture
def notify(pod: Pod) -> Iterator[EventsNotify]:
    made = EventsNotify()
    made.follow({str(pod.directory): 1})
    yield made
    made.close()


def ready(notify: EventsNotify, milliseconds: int = 0) -> bool:
    poll = select.poll()
    poll.register(notify.fileno(), select.POLLIN)
    return bool(poll.poll(milliseconds))


def test_a_kill_wakes_and_is_news_once(pod: Pod, notify: EventsNotify) -> None:
    assert not ready(notify)
    pod.speak(max=1, oom=1, oom_kill=1)
    assert ready(notify, 10_000)
    assert notify.look(100.0)
    assert not notify.look(101.0)


def test_events_that_are_no_kill_silence_the_file_longer_each_time(pod: Pod, notify: EventsNotify) -> None:
    now, silences = 100.0, []
    pod.speak(max=1000)
    assert ready(notify, 10_000)
    assert not notify.look(now)
    for _ in range(8):
        assert notify.due_seconds is not None
        silences.append(notify.due_seconds - now)
        pod.speak(max=1000)
        assert not ready(notify, 30)  # it is not heard, whatever it says
        now = notify.due_seconds
        assert not notify.look(now)  # heard again, and what it said meanwhile is found
    assert silences[0] < 0.011
    assert silences[:5] == sorted(silences[:5])
    assert all(SILENCE_MOST_SECONDS - 0.001 <= silence <= SILENCE_MOST_SECONDS + GRID_SECONDS for silence in silences[5:])


def test_a_kill_while_the_file_was_silenced_is_found_when_it_is_heard_again(pod: Pod, notify: EventsNotify) -> None:
    pod.speak(max=1)
    assert ready(notify, 10_000)
    assert not notify.look(100.0)
    pod.speak(oom=1, oom_kill=1)
    assert not ready(notify, 30)
    assert notify.due_seconds is not None
    assert notify.look(notify.due_seconds)


def test_an_oom_that_has_killed_nobody_yet_is_asked_again_soon(pod: Pod, notify: EventsNotify) -> None:
    now = 100.0
    for events in [{"max": 1}] * 8 + [{"oom": 1}]:
        pod.speak(**events)
        ready(notify, 30)  # the kernel itself may hold it back for 10 ms
        now = notify.due_seconds or now
        assert not notify.look(now)
    assert notify.due_seconds is not None
    assert notify.due_seconds - now < 0.011


def test_a_pod_that_is_no_longer_followed_is_not_heard(pod: Pod, notify: EventsNotify) -> None:
    notify.follow({})
    pod.speak(oom_kill=1)
    assert not ready(notify)
    assert not notify.look(100.0)
    assert notify.due_seconds is None


def test_a_file_that_cannot_be_polled_is_left_to_the_samples(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("oom_kill 0\n")
    notify = EventsNotify()
    notify.follow({str(tmp_path): 1, f"{tmp_path}/gone": 2})
    assert not notify.look(100.0)
    notify.close()
