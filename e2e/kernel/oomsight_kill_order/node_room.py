"""Makes a virtual machine's memory quick to exhaust, and keeps what runs the trials out of it.

The runner is at oom_score_adj -1000, as a node's own supervisors are, locks what it has in memory (else its own pages would be read
from disk again and again while memory is short), and takes most of what is free, so that little is left to fill.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

from oomsight_agent.sampler.node import SCARCE_RATIO
from oomsight_kill_order.scenario import MIB

ROOM_BYTES = 192 * MIB
"""More than the biggest scenario."""
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_libc = ctypes.CDLL(None, use_errno=True)


def stay_resident() -> None:
    """What this process has in memory stays there. Raises OSError."""
    _check(_libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT), "mlockall")


@contextmanager
def little_room(left_bytes: int) -> Iterator[None]:
    """So much is taken meanwhile that no more than this is available."""
    size = (_memory("MemAvailable") - left_bytes) // MIB * MIB
    if size <= 0:
        yield
        return
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        # Not MAP_POPULATE: what is locked on fault is populated by nobody (mm/gup.c, populate_vma_page_range()).
        ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(held)), 1, size)
        yield


def edge_bytes() -> int:
    """So little that the agent, too, takes memory for scarce, and looks at the processes outside containers."""
    return int(_memory("MemTotal") * SCARCE_RATIO * 0.6)


@contextmanager
def at_the_edge() -> Iterator[None]:
    """The node as it is before its memory runs out, and without swap; with little cache, which would be read again and again."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3")
    with without_swap(), little_room(edge_bytes()):
        yield


@contextmanager
def without_swap() -> Iterator[None]:
    """The node's swap is off meanwhile: filling it would take longer than all else."""
    devices = _swap_devices()
    for device in devices:
        _check(_libc.swapoff(device), f"swapoff {device.decode(errors='replace')}")
    try:
        yield
    finally:
        for device in devices:
            _check(_libc.swapon(device, 0), f"swapon {device.decode(errors='replace')}")


def _swap_devices() -> list[bytes]:
    """`/dev/vdd  partition  262140  0  -2` below a header."""
    with open("/proc/swaps", "rb") as file:
        return [line.split()[0] for line in file.read().splitlines()[1:]]


def _memory(name: str) -> int:
    """In bytes."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(f"{name}:"))


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
