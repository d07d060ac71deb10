"""What is kept of the kernel's log between two samples. Reading and understanding it is tested where it is done."""

from __future__ import annotations

import errno
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oomsight_agent import kernel_log
from oomsight_agent.kernel.oom_log.model import LogKill, LogOom
from oomsight_agent.kernel_log import READ_SECONDS, FollowedLog, open_log
from oomsight_api.report import NodeReport, decode, encode

OOM = LogOom(seq=10, usec=1, is_global=False, kills=(LogKill(seq=10, usec=1, pid=7, name="a"),))
GROWN = replace(OOM, kills=(*OOM.kills, LogKill(seq=12, usec=2, pid=8, name="b")))
LATER = LogOom(seq=11, usec=2, is_global=True)


class Reader:
    """A log whose records are OOMs already; an error among them is raised."""

    def __init__(self, *batches: list[LogOom] | OSError) -> None:
        self.batches = deque(batches)
        self.records_lost = 0

    def fileno(self) -> int:
        return 0

    def read(self) -> Any:
        batch = self.batches.popleft() if self.batches else []
        if isinstance(batch, OSError):
            raise batch
        return batch

    def close(self) -> None: ...


class Assembler:
    def __init__(self, *, page_size_bytes: int) -> None: ...

    def feed(self, records: Sequence[LogOom]) -> tuple[LogOom, ...]:
        return tuple(records)


@pytest.fixture(autouse=True)
def assembler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_log, "OomLog", Assembler)


class Clock:
    def __init__(self, step: float = 0.0) -> None:
        self.now = 100.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def followed(reader: Any, clock: Clock | None = None) -> FollowedLog:
    return FollowedLog(reader, 4096, clock or Clock())


def test_what_was_read_is_kept_in_the_logs_order_until_it_was_made_use_of() -> None:
    log = followed(Reader([LATER], [OOM]))
    assert log.read()
    assert log.pending == (OOM, LATER)
    assert not log.read()
    assert log.pending == (OOM, LATER)
    log.settle(log.pending)
    assert not log.pending


def test_an_oom_that_grew_while_it_was_made_use_of_is_told_again() -> None:
    reader = Reader([OOM])
    log = followed(reader)
    log.read()
    taken = log.pending
    reader.batches.append([GROWN])
    log.read()
    log.settle(taken)
    assert log.pending == (GROWN,)


def test_a_storm_is_read_in_parts_but_the_ring_at_the_start_as_a_whole() -> None:
    reader = Reader(*[[replace(OOM, seq=seq)] for seq in range(4000)])
    log = followed(reader, Clock(step=READ_SECONDS / 10))
    log.read()
    first = 4000 - len(reader.batches)
    log.read()
    assert first > 100
    assert 0 < 4000 - len(reader.batches) - first < 20


def test_a_log_that_fails_is_given_up_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    log = followed(Reader([OOM], OSError(errno.ENODEV, "No such device"), [LATER]))
    assert log.read()
    assert not log.read()
    assert (log.state.following, log.state.problem) == (False, "No such device")
    assert log.pending == (OOM,)
    assert len(caplog.records) == 1


def test_lost_records_are_counted_and_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    reader, clock = Reader(), Clock()
    log = followed(reader, clock)
    for lost, seconds in ((5, 1), (9, 1), (9, 60), (11, 1), (11, 60)):
        reader.records_lost = lost
        clock.now += seconds
        log.read()
    assert log.state.records_lost == 11
    assert [record.__dict__["records_lost"] for record in caplog.records] == [5, 11]


def test_what_is_kept_has_a_bound_and_the_latest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_log, "MAX_PENDING", 3)
    log = followed(Reader([replace(OOM, seq=seq) for seq in range(10)]))
    log.read()
    assert [oom.seq for oom in log.pending] == [7, 8, 9]


def test_a_long_path_does_not_make_the_report_one_that_is_refused(tmp_path: Path) -> None:
    _, state = open_log(f"{tmp_path}/" + "x" * 3000, 4096)
    report = NodeReport(node="n", instance="i", cursor="c", full=True, time_seconds=1, interval_seconds=1, kernel_log=state)
    assert decode(encode(report)).kernel_log == state


def test_a_log_that_cannot_be_had_says_what_it_needs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        log, state = open_log(f"{tmp_path}/kmsg", 4096)
    assert log is None
    assert not state.following
    assert state.problem is not None
    assert state.problem.startswith(f"{tmp_path}/kmsg: No such file or directory; expected")
    (record,) = caplog.records
    assert record.__dict__["problem"] == state.problem
