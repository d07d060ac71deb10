"""A line that may come in fragments: records of others stand between them, and nothing says which is the last.

From 4.10 on the first has the flag `-` and those that follow `c`, if another record came in between; before, the first has `c` and
those that follow `+`. Source: kernel/printk/printk.c (vprintk_store, cont_add; msg_print_ext_header before 5.10).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from oomsight_agent.kernel.kmsg_record import KmsgRecord

MOST_BYTES: Final = 16 * 1024
STATISTICS: Final = b"Memory cgroup stats for "
OLD_CONTEXT: Final = b"Task in "
_OLD_BEGINNINGS: Final = (STATISTICS, OLD_CONTEXT)
_NEW_BEGINNINGS: Final = (b"oom-kill:", b"Tasks in ")
"""Of kernels in which `c` is no first fragment."""
FRAGMENT_FLAGS: Final = (b"c", b"+")


def may_begin(record: KmsgRecord) -> bool:
    """Whether this fragment can be the first of its line, where none is open that it continues.

    Any other that is taken for a line of its own could be a cgroup's name that reads like one: `cpuset=` is followed by one, in a
    fragment of its own if another record came in between.
    """
    return record.flag == b"c" and record.text.startswith(_OLD_BEGINNINGS)


class OpenLine:
    """Gathers one line until somebody who knows that it has ended closes it."""

    __slots__ = ("_caller", "_finish", "text")

    def __init__(self) -> None:
        self.text: bytearray | None = None
        """None: no line is open."""
        self._caller = b""
        self._finish: Callable[[bytes], None] = _ignore

    def begin(self, record: KmsgRecord, finish: Callable[[bytes], None]) -> None:
        """A line begins, and the one before has ended. `finish` is called with the whole line."""
        self.close()
        self.text, self._caller, self._finish = bytearray(record.text), record.caller, finish

    def take(self, record: KmsgRecord) -> bool:
        """True if the record, which has a flag of fragments, continues this line."""
        if self.text is None or record.caller != self._caller:
            return False
        if record.flag == b"c" and record.text.startswith(_OLD_BEGINNINGS) and not self.text.startswith(_NEW_BEGINNINGS):
            return False
        if len(self.text) + len(record.text) <= MOST_BYTES:
            self.text += record.text
        return True

    def close(self) -> None:
        """It has all its fragments."""
        if self.text is not None:
            line, self.text = bytes(self.text), None
            self._finish(line)


def _ignore(line: bytes) -> None:
    pass
