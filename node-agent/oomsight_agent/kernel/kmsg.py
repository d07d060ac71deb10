"""The kernel's log, `/dev/kmsg`: each read() gives one record; reading starts at the oldest that the ring still holds.

What was overwritten before it was read shows as EPIPE at the next read, and as a gap in the sequence numbers. A buffer that is too
small would lose the record with EINVAL; no record is larger than PRINTK_MESSAGE_MAX (2048, 8192 before 6.3).
Source: kernel/printk/printk.c (devkmsg_read, devkmsg_poll); Documentation/ABI/testing/dev-kmsg.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from oomsight_agent.kernel.kmsg_record import KmsgRecord, parse_record
from oomsight_agent.kernel.problem import Problem

BUFFER_BYTES: Final = 64 * 1024
MOST_RECORDS: Final = 4096
"""Of one call of `read`: some 40 ms of work. The rest waits, as epoll will say."""


class KernelLogUnavailableError(OSError):
    """The kernel's log cannot be opened; the message says what is missing."""


class KmsgReader:
    """Follows one kernel log. `fileno()` is readable (epoll) when there are records."""

    def __init__(self, path: str = "/dev/kmsg") -> None:
        """Raises KernelLogUnavailableError."""
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise KernelLogUnavailableError(error.errno, f"{path}: {error.strerror}; {_advice(error.errno)}") from error
        self._next_seq: int | None = None
        self.records_lost = 0
        """Overwritten before they were read."""
        self.records_malformed = 0
        """What made no sense."""

    def fileno(self) -> int:
        return self._descriptor

    def read(self, limit: int = MOST_RECORDS) -> list[KmsgRecord]:
        """The records that are there now, at most `limit`; empty: none. Raises OSError where the log is gone."""
        records: list[KmsgRecord] = []
        for _ in range(limit):
            try:
                raw = os.read(self._descriptor, BUFFER_BYTES)
            except BlockingIOError:
                break
            except BrokenPipeError:  # overwritten: the next read gives the oldest that is left, and its number tells how many
                continue
            except OSError as error:
                if error.errno == errno.EINVAL:  # consumed although it did not fit, which no kernel does with this buffer
                    self.records_malformed += 1
                    continue
                raise
            if not raw:  # a file that is replayed, at its end
                break
            record = parse_record(raw)
            if isinstance(record, Problem):
                self.records_malformed += 1
                continue
            if self._next_seq is not None and record.seq > self._next_seq:
                self.records_lost += record.seq - self._next_seq
            self._next_seq = record.seq + 1
            records.append(record)
        return records

    def close(self) -> None:
        os.close(self._descriptor)


def _advice(number: int | None) -> str:
    if number in (errno.EPERM, errno.EACCES):
        return "expected a privileged container (the device cgroup lets no other open it) or root with CAP_SYSLOG"
    if number == errno.ENOENT:
        return "expected the node's /dev/kmsg to be mounted there"
    return "expected the kernel's log"
