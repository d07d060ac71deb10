from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from oomsight_agent.kernel.memory_files import Counters
from oomsight_agent.kernel.memory_v2 import MEMORY_V2
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.sampler.hot_files import CgroupGone, HotFiles

EVENTS = "low 0\nhigh 0\nmax 3\noom 0\noom_kill 1\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in {"memory.current": "100\n", "memory.peak": "200\n", "memory.events": EVENTS}.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def pread_raises(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def pread(descriptor: int, length: int, offset: int) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.pread", pread)


@pytest.mark.parametrize("cache", [True, False])
def test_counters_are_the_same_with_and_without_cached_descriptors(directory: Path, cache: bool) -> None:
    files = HotFiles(MEMORY_V2, str(directory), ReadErrors(), cache=cache)
    assert files.counters(files.read()) == Counters(100, 200, 3, 0, 1)
    files.close()


def test_a_removed_cgroup_answers_enodev(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = HotFiles(MEMORY_V2, str(directory), ReadErrors(), cache=True)
    pread_raises(monkeypatch, errno.ENODEV)
    with pytest.raises(CgroupGone):
        files.read()
    files.close()


def test_a_read_that_fails_otherwise_is_counted_and_the_cgroup_lives_on(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = ReadErrors()
    files = HotFiles(MEMORY_V2, str(directory), errors, cache=True)
    with monkeypatch.context() as broken:
        pread_raises(broken, errno.EIO)
        assert files.counters(files.read()) == Counters()
    assert errors.totals[FileKind.MEMORY_USAGE] == errors.totals[FileKind.MEMORY_PEAK] == errors.totals[FileKind.MEMORY_EVENTS] == 1
    assert files.made_no_sense
    assert files.counters(files.read()) == Counters(100, 200, 3, 0, 1)
    assert not files.made_no_sense
    files.close()


def test_where_no_more_files_may_be_opened_each_read_opens_and_closes(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:

        def refuse(path: str, dir_fd: int | None = None) -> int:
            raise OSError(errno.EMFILE, "Too many open files")

        full.setattr("oomsight_agent.sampler.hot_files.open_for_reading", refuse)
        errors = ReadErrors()
        files = HotFiles(MEMORY_V2, str(directory), errors, cache=True)
    assert files.counters(files.read()) == Counters(100, 200, 3, 0, 1)
    assert errors.total == 0
    files.close()


def test_events_longer_than_the_hot_buffer_are_read_whole(directory: Path) -> None:
    (directory / "memory.events").write_text("".join(f"event_{number} 0\n" for number in range(100)) + EVENTS)
    files = HotFiles(MEMORY_V2, str(directory), ReadErrors(), cache=True)
    assert files.counters(files.read()).oom_kills == 1
    files.close()


class KernelPeak:
    """A memory.peak of kernel 6.12: a write begins anew for the descriptor that wrote."""

    def __init__(self) -> None:
        self.usage, self.peak = 100, 100
        self.resets = 0

    def charge(self, usage: int) -> None:
        self.usage = usage
        self.peak = max(self.peak, usage)

    def reset(self, descriptor: int, content: bytes) -> bool:
        self.resets += 1
        self.peak = self.usage
        return True


def test_a_peak_that_can_be_reset_gives_every_spike_also_below_the_record(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from oomsight_agent.kernel.accounting import NodeSwap
    from oomsight_agent.sampler.cgroup_track import CgroupTrack

    kernel = KernelPeak()

    def open_peak(path: str) -> tuple[int, bool]:
        return os.open(path, os.O_RDONLY), True

    monkeypatch.setattr("oomsight_agent.sampler.hot_files.open_peak", open_peak)
    monkeypatch.setattr("oomsight_agent.sampler.hot_files.reset_peak", kernel.reset)
    track = CgroupTrack(MEMORY_V2, str(directory), ReadErrors())
    seen = []
    for second, spikes in enumerate([[100], [900, 100], [100], [500, 120], [120], [130]]):
        for usage in spikes:
            kernel.charge(usage)
        (directory / "memory.current").write_text(f"{kernel.usage}\n")
        (directory / "memory.peak").write_text(f"{kernel.peak}\n")
        track.sample(float(second), 10.0, NodeSwap())
        seen.append((track.memory.peak_interval_bytes, track.memory.peak_lifetime_bytes))
    assert seen == [(100, 100), (900, 900), (100, 900), (500, 900), (120, 900), (130, 900)]
    assert kernel.resets == 2
    track.close()
