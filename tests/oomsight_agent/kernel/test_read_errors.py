import logging

import pytest

from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

BROKEN = Problem("a decimal number", "an empty file")


def fail(errors: ReadErrors, kind: FileKind = FileKind.MEMORY_STAT, path: str = "/x/memory.stat") -> None:
    errors.record(kind, path, BROKEN)


def test_a_file_broken_for_a_hundred_rounds_is_counted_each_time_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    errors = ReadErrors()
    for _ in range(100):
        fail(errors)
        errors.settle([FileKind.MEMORY_STAT])
    assert errors.totals[FileKind.MEMORY_STAT] == errors.total == 100
    assert len(caplog.records) == 1
    assert vars(caplog.records[0])["path"] == "/x/memory.stat"
    assert vars(caplog.records[0])["problem"] == "expected a decimal number, found an empty file"


def test_recovery_is_logged_once_and_a_relapse_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    errors = ReadErrors()
    fail(errors)
    for _ in range(3):
        errors.settle([FileKind.MEMORY_STAT])
    errors.settle([FileKind.MEMORY_STAT])
    fail(errors)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "INFO", "WARNING"]


def test_a_round_that_did_not_read_the_kind_says_nothing_about_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    errors = ReadErrors()
    fail(errors)
    errors.settle([FileKind.MEMORY_USAGE])
    errors.settle([FileKind.MEMORY_USAGE, FileKind.MEMORY_STAT])  # the failure lies in this round of the kind
    assert len(caplog.records) == 1
    errors.settle([FileKind.MEMORY_STAT])
    assert caplog.records[-1].message == "kernel file can be read again"


def test_a_path_from_a_tenant_cannot_write_a_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    errors = ReadErrors()
    fail(errors, path="/x\nlevel=error forged")
    assert vars(caplog.records[0])["path"] == "/x\\x0alevel=error forged"


def test_every_kind_has_a_total_from_the_start() -> None:
    assert dict(ReadErrors().totals) == dict.fromkeys(FileKind, 0)
