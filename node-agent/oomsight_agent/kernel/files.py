"""Bounded reads through descriptors: the only module of the kernel readers that opens files.

`os.open` and `os.pread` cost a third of `open()` and a cached descriptor a third of that again; a descriptor of a removed cgroup
answers ENODEV, which is how a container's end is noticed for nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

Value = TypeVar("Value")

SMALL_FILE_BYTES: Final = 64 * 1024
LARGE_FILE_BYTES: Final = 1024 * 1024

ABSENT_ERRNOS: Final = frozenset((errno.ENOENT, errno.ENODEV, errno.ESRCH, errno.ENOTDIR, errno.EOPNOTSUPP))
"""The kernel does not have it, it was switched off at boot, or the cgroup or process is gone: normal, and no error."""

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_CHUNK_BYTES: Final = 16 * 1024


class OpenDirectory:
    """A directory that files are opened in. It is not read itself, so its descriptor costs the kernel next to nothing."""

    __slots__ = ("descriptor", "path")

    def __init__(self, path: str, *, keep_open: bool = True) -> None:
        """Where it cannot be opened, or may not be kept open, files in it are opened by their whole path."""
        self.path = path
        self.descriptor: int | None = None
        if keep_open:
            with suppress(OSError):
                self.descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def open_for_reading(path: str, dir_fd: int | None = None) -> int:
    """A descriptor that never blocks, not even where something put a pipe in a file's place. Raises OSError."""
    return os.open(path, _FLAGS, dir_fd=dir_fd)


def read_descriptor(descriptor: int, max_bytes: int, *, paged: bool = False) -> bytes:
    """Everything from the beginning, at most `max_bytes`. Raises OSError, EFBIG when there is more.

    Most kernel files are one record and answer whole: a read that does not fill the buffer is the end. A `paged` one (/proc/vmstat)
    answers a page at a time however large the buffer: only an empty read is its end.
    """
    data = os.pread(descriptor, _CHUNK_BYTES, 0)
    if len(data) < _CHUNK_BYTES and not paged and len(data) <= max_bytes:
        return data
    chunks = [data]
    size = len(data)
    while chunks[-1] and size <= max_bytes:
        chunks.append(os.pread(descriptor, _CHUNK_BYTES, size))
        size += len(chunks[-1])
    if size > max_bytes:
        raise OSError(errno.EFBIG, f"more than {max_bytes} bytes")
    return b"".join(chunks)


def read_file(path: str, max_bytes: int = SMALL_FILE_BYTES, dir_fd: int | None = None) -> bytes:
    """Open, read all, close. Raises OSError, EFBIG when the file is longer than `max_bytes`."""
    descriptor = open_for_reading(path, dir_fd)
    try:
        return read_descriptor(descriptor, max_bytes)
    finally:
        os.close(descriptor)


def read_value(
    errors: ReadErrors,
    kind: FileKind,
    parse: Callable[[bytes], Value | Problem],
    path: str,
    *,
    directory: OpenDirectory | None = None,
    max_bytes: int = SMALL_FILE_BYTES,
) -> Value | None:
    """What `parse` makes of the file; None where it is absent, and None with a count in `errors` where it makes no sense.

    `path` may be relative to `directory`: the kernel then need not walk the whole path again.
    """
    try:
        if directory is not None and directory.descriptor is not None:
            data = read_file(path, max_bytes, directory.descriptor)
        else:
            data = read_file(_whole(path, directory), max_bytes)
    except OSError as error:
        note_os_error(errors, kind, _whole(path, directory), error)
        return None
    value = parse(data)
    if isinstance(value, Problem):
        errors.record(kind, _whole(path, directory), value)
        return None
    return value


def _whole(path: str, directory: OpenDirectory | None) -> str:
    return path if directory is None else f"{directory.path}/{path}"


def note_os_error(errors: ReadErrors, kind: FileKind, path: str, error: OSError) -> None:
    """Count a failed read, unless the file is merely absent."""
    if error.errno not in ABSENT_ERRNOS:
        errors.record(kind, path, Problem("a readable file", error.strerror or str(error)))
