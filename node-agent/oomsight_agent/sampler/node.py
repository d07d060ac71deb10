"""The node's own memory: hot files of /proc through cached descriptors, settings on the stat interval."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from oomsight_agent.kernel.accounting import NodeSwap
from oomsight_agent.kernel.files import SMALL_FILE_BYTES, note_os_error, open_for_reading, read_descriptor
from oomsight_agent.kernel.meminfo import MemInfo, parse_meminfo
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.psi import parse_pressure
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.kernel.sysctl import Sysctls, read_sysctls
from oomsight_agent.kernel.vmstat import VmStat, parse_vmstat
from oomsight_api.report import NodeMemory

Value = TypeVar("Value")


class NodeTrack:
    """Reads the node. `memory`, `swap` and `total_pages` are of the last sample."""

    def __init__(self, proc_root: str, errors: ReadErrors) -> None:
        self._proc = proc_root
        self._errors = errors
        self._descriptors: dict[str, int] = {}
        self._sysctls = Sysctls()
        self.page_size_bytes = os.sysconf("SC_PAGE_SIZE")
        self.memory = NodeMemory()

    def sample(self, *, settings: bool) -> NodeMemory:
        """Read meminfo, vmstat and pressure, and with `settings` the sysctls."""
        info = self._read(FileKind.MEMINFO, "meminfo", parse_meminfo) or MemInfo()
        counters = self._read(FileKind.VMSTAT, "vmstat", parse_vmstat) or VmStat()
        pressure = self._read(FileKind.PRESSURE, "pressure/memory", parse_pressure)
        if settings:
            self._sysctls = read_sysctls(self._proc, self._errors)
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
            oom_kills=counters.oom_kills,
            major_faults=counters.major_faults,
            swappiness=sysctls.swappiness,
            overcommit_memory=sysctls.overcommit_memory,
            overcommit_ratio=sysctls.overcommit_ratio,
            panic_on_oom=sysctls.panic_on_oom,
            oom_kill_allocating_task=sysctls.oom_kill_allocating_task,
        )
        return self.memory

    def swap(self) -> NodeSwap:
        """The node's swap as the cgroups' accounting needs it."""
        return NodeSwap(self.memory.swap_free_bytes, self.memory.swappiness)

    def total_pages(self) -> int | None:
        """RAM and swap in pages: the scale of a node-wide OOM. None when either is unknown."""
        total, swap = self.memory.total_bytes, self.memory.swap_total_bytes
        return None if total is None or swap is None else (total + swap) // self.page_size_bytes

    def close(self) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

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
