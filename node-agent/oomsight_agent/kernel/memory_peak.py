"""`memory.peak`, cgroup v2: the highest charge, which from kernel 6.12 on a write resets for the descriptor that wrote.

`/sys/fs/cgroup/…/memory.peak`: `287309824`. Kernel 5.19 on, mode 0444; mode 0644 where it can be reset. A write needs that
right and a writable mount; without them the lifetime peak is read. Source: mm/memcontrol.c (peak_write).
v1's memory.max_usage_in_bytes can be reset too, but for everybody, so that is never done.
"""

from __future__ import annotations

import os
import stat

from oomsight_agent.kernel.files import open_for_reading


def open_peak(path: str) -> tuple[int, bool]:
    """A descriptor, and whether the kernel offers to reset it. Raises OSError."""
    if path.endswith("/memory.peak"):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return open_for_reading(path), False
        status = os.fstat(descriptor)
        if status.st_mode & stat.S_IWUSR and status.st_size == 0:  # a file of cgroupfs has no size; a plain file is left alone
            return descriptor, True
        os.close(descriptor)
    return open_for_reading(path), False


def reset_peak(descriptor: int, content: bytes) -> bool:
    """Begin anew for this descriptor, whose peak is `content` and above the usage; False when that did not work.

    Any text will do; writing back what was read changes nothing where a plain file stands in for the kernel's, and reading the same
    again tells that it does.
    """
    try:
        os.pwrite(descriptor, content, 0)
        return os.pread(descriptor, len(content) + 1, 0) != content
    except OSError:
        return False
