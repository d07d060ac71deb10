"""The files of one cgroup that are read with every sample, through descriptors that stay open.

Raises `CgroupGone` when the cgroup was removed. Where the process may open no more files, each read opens and closes: slower, but
true.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from oomsight_agent.kernel.files import SMALL_FILE_BYTES, note_os_error, open_for_reading, read_descriptor
from oomsight_agent.kernel.memory_files import Counters, MemoryFiles
from oomsight_agent.kernel.memory_peak import open_peak, reset_peak
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

HOT_READ_BYTES: Final = 448
"""More than any of them has; small enough for the allocator's fast path. A full buffer is read again with a larger one."""

_GONE: Final = frozenset((errno.ENODEV, errno.ENOENT, errno.ESTALE))
_NO_MORE_DESCRIPTORS: Final = frozenset((errno.EMFILE, errno.ENFILE))

_UNREADABLE: Final = b"\0unreadable"
"""Stands in for the content of a file that could not be read; no kernel writes a zero byte there."""

Contents = list[bytes]


class CgroupGone(Exception):  # noqa: N818
    """The cgroup was removed: an ordinary end, no error."""


class HotFiles:
    """Descriptors of one cgroup. `read` is the hot path of the whole agent."""

    __slots__ = ("_descriptors", "_directory", "_errors", "_files", "_positions", "_resettable", "_uncached", "made_no_sense")

    def __init__(self, files: MemoryFiles, directory: str, errors: ReadErrors, *, cache: bool) -> None:
        self._files = files
        self._directory = directory
        self._errors = errors
        self._descriptors: list[int] = []
        self._positions: list[int] = []
        self._resettable = False
        self._uncached = not cache
        self.made_no_sense = False
        """Something in the last contents could not be understood: look again, even at the same contents."""
        if cache:
            self._open()

    def read(self) -> Contents:
        """Contents of the files that this kernel has. Raises CgroupGone."""
        if self._uncached:
            return self._read_by_path()
        pread = os.pread
        try:
            return [pread(descriptor, HOT_READ_BYTES, 0) for descriptor in self._descriptors]
        except OSError as error:
            if error.errno in _GONE:
                raise CgroupGone from error
            return self._read_one_by_one()

    def counters(self, contents: Contents) -> Counters:
        """What the contents say; files that make no sense are counted."""
        self.made_no_sense = _UNREADABLE in contents
        every: list[bytes | None] = [None] * len(self._files.hot_files)
        for position, content in zip(self._positions, contents, strict=True):
            if len(content) >= HOT_READ_BYTES:
                content = self._read_long(position, content)  # noqa: PLW2901
            every[position] = content if content != _UNREADABLE else None
        counters, problems = self._files.parse_hot(every)
        for kind, name, problem in problems:
            self._errors.record(kind, f"{self._directory}/{name}", problem)
            self.made_no_sense = True
        return counters

    @property
    def peak_is_of_interval(self) -> bool:
        """The peak's descriptor can be reset, so what it says is the highest since the last reset."""
        return self._resettable

    def reset_peak(self, contents: Contents) -> None:
        """Begin a new interval for the peak; remembers it when the kernel refuses."""
        if self._resettable and not reset_peak(self._descriptors[1], contents[1]):
            self._resettable = False

    def close(self) -> None:
        """Close every descriptor."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        self._positions.clear()
        self._uncached = True
        self._resettable = False

    def _open(self) -> None:
        for position, file in enumerate(self._files.hot_files):
            path = f"{self._directory}/{file.name}"
            try:
                if file.kind is FileKind.MEMORY_PEAK:
                    descriptor, resettable = open_peak(path)
                    self._resettable = resettable and self._positions == [0]
                else:
                    descriptor = open_for_reading(path)
            except OSError as error:
                if error.errno in _NO_MORE_DESCRIPTORS:
                    self.close()
                    return
                note_os_error(self._errors, file.kind, path, error)
                continue
            self._descriptors.append(descriptor)
            self._positions.append(position)

    def _read_one_by_one(self) -> Contents:
        contents: Contents = []
        for position, descriptor in zip(self._positions, self._descriptors, strict=True):
            try:
                contents.append(os.pread(descriptor, HOT_READ_BYTES, 0))
            except OSError as error:
                if error.errno in _GONE:
                    raise CgroupGone from error
                file = self._files.hot_files[position]
                note_os_error(self._errors, file.kind, f"{self._directory}/{file.name}", error)
                contents.append(_UNREADABLE)
        return contents

    def _read_by_path(self) -> Contents:
        contents: Contents = []
        self._positions = list(range(len(self._files.hot_files)))
        for file in self._files.hot_files:
            path = f"{self._directory}/{file.name}"
            try:
                descriptor = open_for_reading(path)
            except OSError as error:
                note_os_error(self._errors, file.kind, path, error)
                contents.append(_UNREADABLE)
                continue
            try:
                contents.append(os.pread(descriptor, HOT_READ_BYTES, 0))
            except OSError as error:
                note_os_error(self._errors, file.kind, path, error)
                contents.append(_UNREADABLE)
            finally:
                os.close(descriptor)
        if all(content is _UNREADABLE for content in contents) and not os.path.isdir(self._directory):
            raise CgroupGone
        return contents

    def _read_long(self, position: int, begun: bytes) -> bytes:
        file = self._files.hot_files[position]
        if self._uncached:
            return begun
        try:
            return read_descriptor(self._descriptors[self._positions.index(position)], SMALL_FILE_BYTES)
        except OSError as error:
            note_os_error(self._errors, file.kind, f"{self._directory}/{file.name}", error)
            self.made_no_sense = True
            return _UNREADABLE
