import errno
import os
from pathlib import Path

import pytest

from oomsight_agent.kernel.files import SMALL_FILE_BYTES, open_for_reading, read_descriptor, read_file, read_value
from oomsight_agent.kernel.numbers import parse_number
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors


def test_a_kernel_file_that_answers_a_page_at_a_time_is_read_whole() -> None:
    descriptor = open_for_reading("/proc/vmstat")
    try:
        keys = [line.split()[0] for line in read_descriptor(descriptor, SMALL_FILE_BYTES, paged=True).splitlines()]
    finally:
        os.close(descriptor)
    assert keys == [line.split()[0] for line in Path("/proc/vmstat").read_bytes().splitlines()]


@pytest.mark.parametrize("size", [0, 1, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 40_000, SMALL_FILE_BYTES])
def test_a_file_within_bounds_is_read_to_its_last_byte(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert read_file(f"{tmp_path}/file") == content


@pytest.mark.parametrize("size", [SMALL_FILE_BYTES + 1, 3 * SMALL_FILE_BYTES])
def test_a_file_beyond_bounds_is_refused(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(b"1" * size)
    with pytest.raises(OSError, match="more than") as raised:
        read_file(f"{tmp_path}/file")
    assert raised.value.errno == errno.EFBIG


def test_a_pipe_in_the_place_of_a_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    errors = ReadErrors()
    assert read_value(errors, FileKind.MEMINFO, parse_number, f"{tmp_path}/pipe") is None


def test_an_absent_file_is_none_and_no_error(tmp_path: Path) -> None:
    errors = ReadErrors()
    assert read_value(errors, FileKind.MEMORY_LIMIT, parse_number, f"{tmp_path}/none") is None
    assert errors.total == 0


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"lots", b"7" * (SMALL_FILE_BYTES + 5)])
def test_an_empty_binary_or_huge_file_is_none_and_counted_by_kind(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    errors = ReadErrors()
    assert read_value(errors, FileKind.MEMORY_LIMIT, parse_number, f"{tmp_path}/file") is None
    assert errors.totals[FileKind.MEMORY_LIMIT] == 1
    assert errors.total == 1


def test_a_directory_in_the_place_of_a_file_is_counted(tmp_path: Path) -> None:
    errors = ReadErrors()
    assert read_value(errors, FileKind.MEMORY_LIMIT, parse_number, str(tmp_path)) is None
    assert errors.totals[FileKind.MEMORY_LIMIT] == 1
