"""The reader of the kernel's log, on a pipe that keeps records apart as /dev/kmsg does, and on the real one."""

from __future__ import annotations

import errno
import os
import select
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from oomsight_agent.kernel.kmsg import BUFFER_BYTES, KernelLogUnavailableError, KmsgReader
from oomsight_agent.kernel.kmsg_record import KmsgRecord


class Pipe:
    """In packet mode one read() gives what one write() wrote."""

    def __init__(self) -> None:
        self._read, self.end = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)
        self.reader = KmsgReader(f"/proc/self/fd/{self._read}")
        # Opened anew through /proc, the descriptor is not in packet mode by itself.
        os.close(self.reader.fileno())
        os.dup2(self._read, self.reader.fileno(), inheritable=False)

    def write(self, *seqs: int) -> None:
        for seq in seqs:
            os.write(self.end, b"6,%d,%d,-;line %d\n" % (seq, seq * 10, seq))

    def close(self) -> None:
        self.reader.close()
        os.close(self._read)
        os.close(self.end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def seqs(reader: KmsgReader, limit: int = 100) -> list[int]:
    return [record.seq for record in reader.read(limit)]


def test_gives_what_is_there_and_then_nothing(pipe: Pipe) -> None:
    pipe.write(5, 6, 7)
    assert seqs(pipe.reader) == [5, 6, 7]
    assert seqs(pipe.reader) == []
    pipe.write(8)
    assert seqs(pipe.reader) == [8]
    assert (pipe.reader.records_lost, pipe.reader.records_malformed) == (0, 0)


def test_a_storm_is_read_in_parts(pipe: Pipe) -> None:
    pipe.write(*range(10))
    assert seqs(pipe.reader, limit=4) == [0, 1, 2, 3]
    assert seqs(pipe.reader, limit=4) == [4, 5, 6, 7]
    assert seqs(pipe.reader, limit=4) == [8, 9]


def test_epoll_wakes_up_for_a_record(pipe: Pipe) -> None:
    poll = select.epoll()
    poll.register(pipe.reader, select.EPOLLIN)
    assert poll.poll(0) == []
    pipe.write(1)
    assert poll.poll(0) == [(pipe.reader.fileno(), select.EPOLLIN)]
    poll.close()


def test_a_gap_is_counted_once(pipe: Pipe) -> None:
    pipe.write(5, 9)
    assert seqs(pipe.reader) == [5, 9]
    pipe.write(10)
    assert seqs(pipe.reader) == [10]
    assert pipe.reader.records_lost == 3


def test_overwritten_records_are_read_past_and_counted(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe.write(5)
    assert seqs(pipe.reader) == [5]
    read, failures = os.read, [BrokenPipeError(errno.EPIPE, "overwritten"), BrokenPipeError(errno.EPIPE, "again")]

    def overwritten(descriptor: int, size: int) -> bytes:
        if failures:
            raise failures.pop()
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", overwritten)
    pipe.write(1005)
    assert seqs(pipe.reader) == [1005]
    assert pipe.reader.records_lost == 999


def test_what_makes_no_sense_is_counted_and_left_out(pipe: Pipe) -> None:
    pipe.write(1)
    os.write(pipe.end, b"nonsense")
    pipe.write(2)
    assert seqs(pipe.reader) == [1, 2]
    assert (pipe.reader.records_malformed, pipe.reader.records_lost) == (1, 0)


def test_the_longest_record_fits(pipe: Pipe) -> None:
    text = b"x" * 8100
    os.write(pipe.end, b"6,1,2,-;%s\n" % text[:4000])  # a packet is a page at most
    assert pipe.reader.read()[0].text == text[:4000]
    assert BUFFER_BYTES >= 8192


@pytest.mark.parametrize("failure", [errno.EINVAL, errno.EPIPE])
def test_an_error_that_stays_does_not_hold_the_loop(pipe: Pipe, monkeypatch: pytest.MonkeyPatch, failure: int) -> None:
    def broken(descriptor: int, size: int) -> bytes:
        raise OSError(failure, "always")

    monkeypatch.setattr(os, "read", broken)
    assert pipe.reader.read(limit=50) == []


def test_a_log_that_is_gone_is_an_error(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int, size: int) -> bytes:
        raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(os, "read", broken)
    with pytest.raises(OSError, match="gone"):
        pipe.reader.read()


def test_the_end_of_a_replayed_file_is_no_error(tmp_path: Path) -> None:
    replay = tmp_path / "kmsg"
    replay.write_bytes(b"6,1,2,-;only\n")
    reader = KmsgReader(str(replay))
    assert seqs(reader) == [1]
    assert seqs(reader) == []
    reader.close()


def test_says_what_is_missing_where_there_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(
        KernelLogUnavailableError, match=r"kmsg: No such file or directory; expected the node's /dev/kmsg"
    ) as caught:
        KmsgReader(str(tmp_path / "kmsg"))
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_says_that_privilege_is_missing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(path: str, flags: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(KernelLogUnavailableError, match="expected a privileged container") as caught:
        KmsgReader()
    assert caught.value.errno == number


def test_no_child_inherits_the_log(pipe: Pipe, tmp_path: Path) -> None:
    (tmp_path / "kmsg").touch()
    reader = KmsgReader(str(tmp_path / "kmsg"))
    assert not os.get_inheritable(reader.fileno())
    assert not os.get_blocking(reader.fileno())
    reader.close()


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK | os.W_OK), reason="needs this machine's /dev/kmsg")
def test_what_user_space_writes_is_never_the_kernels() -> None:
    """The real log, from the beginning of its ring: a forged line keeps its facility, whatever it claims to have."""
    reader = KmsgReader()
    name = f"oomsight test {uuid.uuid4()}"
    with open("/dev/kmsg", "wb", buffering=0) as log:
        log.write(f"<3>Killed {name}\n".encode())  # without its newline it could be continued, and is shown with the next line only
    found: list[KmsgRecord] = []
    until = time.monotonic() + 60
    while not found and time.monotonic() < until:
        select.select([reader], [], [], 1)
        found = [record for record in reader.read() if name.encode() in record.text]
    reader.close()
    assert [(record.facility, record.level, record.text) for record in found] == [(1, 3, f"Killed {name}".encode())]
    assert reader.records_malformed == 0
