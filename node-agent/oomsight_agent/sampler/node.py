"""The node's own memory: hot files of /proc through cached descriptors, settings on the stat interval."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, TypeVar

from oomsight_agent.kernel.accounting import NodeSwap
from oomsight_agent.kernel.files import SMALL_FILE_BYTES, note_os_error, open_for_reading, read_descriptor
from oomsight_agent.kernel.meminfo import MemInfo, parse_meminfo
from oomsight_agent.kernel.oom_score import read_signed_badness
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.psi import parse_pressure
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.kernel.sysctl import Sysctls, read_sysctls
from oomsight_agent.kernel.vmstat import VmStat, parse_vmstat
from oomsight_agent.sampler.rates import rate
from oomsight_api.report import NodeMemory

Value = TypeVar("Value")

SCARCE_RATIO: Final = 0.10


class NodeTrack:
    """Reads the node. `memory`, `swap` and `total_pages` are of the last sample."""

    def __init__(self, proc_root: str, errors: ReadErrors) -> None:
        self._proc = proc_root
        self._errors = errors
        self._descriptors: dict[str, int] = {}
        self._sysctls = Sysctls()
        self._signed_badness: bool | None = None
        self._swap_read_at: float | None = None
        self._swap_counters = VmStat()
        self._swap_rates: tuple[float | None, float | None] = (None, None)
        self.page_size_bytes = os.sysconf("SC_PAGE_SIZE")
        self.memory = NodeMemory()

    def sample(self, *, settings: bool, now: float = 0.0) -> NodeMemory:
        """Read meminfo, vmstat and pressure, and with `settings` the sysctls; rates are over the time between two of these.

        `now` is monotonic.
        """
        info = self._read(FileKind.MEMINFO, "meminfo", parse_meminfo) or MemInfo()
        counters = self._read(FileKind.VMSTAT, "vmstat", parse_vmstat) or VmStat()
        pressure = self._read(FileKind.PRESSURE, "pressure/memory", parse_pressure)
        if settings:
            self._sysctls = read_sysctls(self._proc, self._errors)
            self._take_swap_rates(now, counters)
            if self._signed_badness is None:
                pages = _total_pages(info, self.page_size_bytes)
                self._signed_badness = read_signed_badness(self._proc, self._errors, pages, self.page_size_bytes)
        sysctls = self._sysctls
        self.memory = NodeMemory(
            total_bytes=info.total_bytes,
            available_bytes=info.available_bytes,
            free_bytes=info.free_bytes,
            swap_total_bytes=info.swap_total_bytes,
            swap_free_bytes=info.swap_free_bytes,
            page_size_bytes=self.page_size_bytes,
            pressure=pressure,
            swap_in_pages=counters.swap_in_pages,
            swap_out_pages=counters.swap_out_pages,
            swap_in_pages_per_second=self._swap_rates[0],
            swap_out_pages_per_second=self._swap_rates[1],
            oom_kills=counters.oom_kills,
            major_faults=counters.major_faults,
            swappiness=sysctls.swappiness,
            overcommit_memory=sysctls.overcommit_memory,
            overcommit_ratio=sysctls.overcommit_ratio,
            panic_on_oom=sysctls.panic_on_oom,
            oom_kill_allocating_task=sysctls.oom_kill_allocating_task,
            signed_badness=self._signed_badness,
        )
        return self.memory

    def swap(self) -> NodeSwap:
        """The node's swap as the cgroups' accounting needs it."""
        return NodeSwap(self.memory.swap_free_bytes, self.memory.swappiness)

    def total_pages(self) -> int | None:
        """RAM and swap in pages: the scale of a node-wide OOM. None when either is unknown."""
        return _total_pages(self.memory, self.page_size_bytes)

    def is_scarce(self) -> bool:
        """Less than SCARCE_RATIO of the node's memory is available: who dies next may be asked any moment."""
        total, available = self.memory.total_bytes, self.memory.available_bytes
        return total is not None and available is not None and available < SCARCE_RATIO * total

    def close(self) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def _take_swap_rates(self, now: float, counters: VmStat) -> None:
        if self._swap_read_at is not None:
            before, span = self._swap_counters, now - self._swap_read_at
            self._swap_rates = (
                rate(before.swap_in_pages, counters.swap_in_pages, span),
                rate(before.swap_out_pages, counters.swap_out_pages, span),
            )
        self._swap_read_at, self._swap_counters = now, counters

    def _read(self, kind: FileKind, name: str, parse: Callable[[bytes], Value | Problem]) -> Value | None:
        path = f"{self._proc}/{name}"
        try:
            descriptor = self._descriptors.get(name)
            if descriptor is None:
                descriptor = self._descriptors[name] = open_for_reading(path)
            data = read_descriptor(descriptor, SMALL_FILE_BYTES, paged=kind is FileKind.VMSTAT)
        except OSError as error:
            note_os_error(self._errors, kind, path, error)
            return None
        value = parse(data)
        if isinstance(value, Problem):
            self._errors.record(kind, path, value)
            return None
        return value


def _total_pages(memory: MemInfo | NodeMemory, page_size_bytes: int) -> int | None:
    total, swap = memory.total_bytes, memory.swap_total_bytes
    return None if total is None or swap is None else (total + swap) // page_size_bytes
