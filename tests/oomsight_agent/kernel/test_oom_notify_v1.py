"""The eventfd of cgroup v1: with the kernel of this machine in test_real_cgroups.py; here where it may not be asked."""

from __future__ import annotations

import errno
import logging
import os
import select
from pathlib import Path

import pytest

from oomsight_agent.kernel.oom_notify_v1 import LOOKS_AFTER_SECONDS, OomControlNotify

COUNTED = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cgroup of files; `signal` below stands in for the kernel."""
    (tmp_path / "memory.oom_control").write_text(COUNTED.format(0))
    (tmp_path / "cgroup.event_control").write_text("")
    return tmp_path


def eventfd_of(cgroup: Path) -> int:
    """What was registered: `<eventfd> <descriptor of memory.oom_control>`."""
    descriptor, _ = (cgroup / "cgroup.event_control").read_text().split()
    return int(descriptor)


def test_the_counter_is_read_some_times_after_a_signal_and_then_no_more(cgroup: Path) -> None:
    notify = OomControlNotify()
    notify.follow({str(cgroup): 1})
    assert notify.due_seconds is None
    os.eventfd_write(eventfd_of(cgroup), 1)
    assert not notify.look(100.0)
    dues: list[float] = []
    while notify.due_seconds is not None:
        dues.append(round(notify.due_seconds - 100.0, 6))
        assert not notify.look(notify.due_seconds)
    assert dues == list(LOOKS_AFTER_SECONDS)
    notify.close()


def test_a_kill_that_is_counted_late_is_news_once(cgroup: Path) -> None:
    notify = OomControlNotify()
    notify.follow({str(cgroup): 1})
    os.eventfd_write(eventfd_of(cgroup), 1)
    assert not notify.look(100.0)
    assert not notify.look(100.0 + LOOKS_AFTER_SECONDS[0])
    (cgroup / "memory.oom_control").write_text(COUNTED.format(1))
    assert notify.look(100.0 + LOOKS_AFTER_SECONDS[1])
    while notify.due_seconds is not None:
        assert not notify.look(notify.due_seconds)
    notify.close()


def test_signals_in_a_row_do_not_put_the_look_off(cgroup: Path) -> None:
    notify = OomControlNotify()
    notify.follow({str(cgroup): 1})
    (cgroup / "memory.oom_control").write_text(COUNTED.format(1))
    now, found = 100.0, False
    while now < 100.0 + LOOKS_AFTER_SECONDS[0] + 0.002 and not found:
        os.eventfd_write(eventfd_of(cgroup), 1)
        found = notify.look(now)
        now += 0.001
    assert found
    notify.close()


def test_a_kernel_that_signals_without_end_wakes_nobody_before_the_next_look(cgroup: Path) -> None:
    notify = OomControlNotify()
    notify.follow({str(cgroup): 1})
    now, wakeups = 100.0, 0
    while now < 101.0:
        os.eventfd_write(eventfd_of(cgroup), 1)
        if select.select([notify.fileno()], [], [], 0)[0] or (notify.due_seconds or now) <= now:
            wakeups += 1
            assert not notify.look(now)
        now += 0.001
    shortest = LOOKS_AFTER_SECONDS[1] - LOOKS_AFTER_SECONDS[0]
    assert wakeups <= 3 + 2 * 1.0 / shortest
    notify.close()


def test_a_second_kill_does_not_wait_for_the_last_look_after_the_first(cgroup: Path) -> None:
    notify = OomControlNotify()
    notify.follow({str(cgroup): 1})
    os.eventfd_write(eventfd_of(cgroup), 1)
    notify.look(100.0)
    for passed in LOOKS_AFTER_SECONDS[:-1]:
        notify.look(100.0 + passed)
    os.eventfd_write(eventfd_of(cgroup), 1)
    (cgroup / "memory.oom_control").write_text(COUNTED.format(1))
    notify.look(100.5)
    assert notify.due_seconds == pytest.approx(100.5 + LOOKS_AFTER_SECONDS[1])
    assert notify.look(100.5 + LOOKS_AFTER_SECONDS[1])
    while notify.due_seconds is not None:
        assert not notify.look(notify.due_seconds)
    notify.close()


def test_on_a_read_only_mount_it_is_told_once_and_left_to_the_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
        (folder / "memory.oom_control").write_text(COUNTED.format(0))
    opened = os.open

    def refuse(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if str(path).endswith("cgroup.event_control"):
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    notify = OomControlNotify()
    before = len(os.listdir("/proc/self/fd"))
    with caplog.at_level(logging.WARNING):
        notify.follow({str(folder): 1 for folder in folders})
    assert [record.message for record in caplog.records] == [
        "kills are seen with the next sample only: the kernel's OOM notification cannot be asked for"
    ]
    assert len(os.listdir("/proc/self/fd")) == before
    assert not notify.look(100.0)
    notify.close()


def test_a_new_cgroup_of_an_old_name_is_followed_anew_and_no_descriptor_is_lost(cgroup: Path) -> None:
    notify = OomControlNotify()
    before = len(os.listdir("/proc/self/fd"))
    for inode in range(1, 5):
        (cgroup / "cgroup.event_control").write_text("")
        notify.follow({str(cgroup): inode})
        assert len(os.listdir("/proc/self/fd")) == before + 1
    notify.follow({})
    assert len(os.listdir("/proc/self/fd")) == before
    notify.close()
