"""One look at a cgroup that is not followed from sample to sample: every file opened and closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import structs

from oomsight_agent.kernel.accounting import Charges
from oomsight_agent.kernel.files import LARGE_FILE_BYTES, read_value
from oomsight_agent.kernel.memory_files import Counters, MemoryFiles
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.sampler.hot_files import CgroupGone, HotFiles

Value = TypeVar("Value")


def read_cgroup(directory: str, files: MemoryFiles, errors: ReadErrors) -> tuple[Counters, Charges] | None:
    """Its counters and charges; None when it is gone.

    The root of v2 has no memory.current: there usage is anon + file, as the kubelet's runtime library counts it (runc
    libcontainer/cgroups/fs2/memory.go, statMemory), and there is no limit.
    """

    def read(kind: FileKind, name: str, parse: Callable[[bytes], Value | Problem]) -> Value | None:
        return read_value(errors, kind, parse, f"{directory}/{name}", max_bytes=LARGE_FILE_BYTES)

    hot = HotFiles(files, directory, errors, cache=False)
    try:
        counters = hot.counters(hot.read())
    except CgroupGone:
        return None
    return counters, files.read_charges(read, None)


def read_root(directory: str, files: MemoryFiles, errors: ReadErrors) -> tuple[Counters, Charges] | None:
    """The same of the hierarchy's root."""
    read = read_cgroup(directory, files, errors)
    if read is None or files.version == 1 or read[0].usage_bytes is not None:
        return read
    counters, charges = read
    anon, file = charges.stat.anon_bytes, charges.stat.file_bytes
    if anon is None or file is None:
        return read
    return structs.replace(counters, usage_bytes=anon + file), structs.replace(charges, unlimited=True)
