"""One cgroup from sample to sample: hot files each time, the others on the stat interval or when something moved.

What did not change is not built again: a tick over a quiet cgroup costs its reads and one comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final, TypeVar

from msgspec import structs

from oomsight_agent.kernel.accounting import Charges, NodeSwap, account, working_set
from oomsight_agent.kernel.events import parse_ooms
from oomsight_agent.kernel.files import LARGE_FILE_BYTES, SMALL_FILE_BYTES, OpenDirectory, read_value
from oomsight_agent.kernel.memory_files import Counters, MemoryFiles
from oomsight_agent.kernel.numbers import parse_number
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.sampler.floor import FloorWindow
from oomsight_agent.sampler.hot_files import Contents, HotFiles
from oomsight_agent.sampler.peaks import highest, interval_peak
from oomsight_agent.sampler.rates import SHORTEST_SPAN_SECONDS, rate
from oomsight_api.report import Memory

Value = TypeVar("Value")

MOVED_FRACTION: Final = 50
"""memory.stat is read at once when usage moved by more than a fiftieth (2 %) of the limit."""
MOVED_LEAST_BYTES: Final = 1024 * 1024
"""The kernel charges in batches of 64 pages a CPU, and gives them back at times: less is noise."""


STAT_READS_PER_SETTINGS: Final = 6
"""Swap limit, swappiness and the like are read again once a minute, or with a new limit."""


class Change(IntEnum):
    """What a sample found different from the one before."""

    NOTHING = 0
    USAGE = 1
    """Usage, and what follows from it alone: `memory` is new."""
    ANYTHING = 2
    """`memory`, `counters`, `charges`, rates and slope may be new."""


class CgroupTrack:
    """Memory of one cgroup."""

    __slots__ = (
        "_contents",
        "_directory",
        "_errors",
        "_files",
        "_hot",
        "_moved_bytes",
        "_next_stat",
        "_next_stat_fraction",
        "_quick",
        "_read_at",
        "_settled",
        "_usage_at_stat",
        "anon_refaults_per_second",
        "charges",
        "counters",
        "file_refaults_per_second",
        "floor",
        "limit_ooms",
        "major_faults_per_second",
        "memory",
        "stat_reads",
        "stirred",
        "version",
    )

    def __init__(
        self,
        files: MemoryFiles,
        directory: str,
        errors: ReadErrors,
        *,
        cache: bool = True,
        born: bool = False,
        first_stat_fraction: float = 1.0,
    ) -> None:
        """`born`: the cgroup was made after the last sample, so that its lifetime peak is the interval's.

        `first_stat_fraction` of the stat interval lies between the first two stat reads: differing ones spread the load.
        """
        self.version = files.version
        self._next_stat_fraction = first_stat_fraction
        self._files = files
        self._directory = OpenDirectory(directory, keep_open=cache)
        self._errors = errors
        self._hot = HotFiles(files, directory, errors, cache=cache)
        self._contents: Contents | None = None
        self._settled = False
        self._quick = False
        self._next_stat = float("-inf")
        self._read_at: float | None = None
        self._usage_at_stat = 0
        self._moved_bytes = 0
        self.counters = Counters(peak_bytes=0) if born else Counters()
        self.charges = Charges()
        self.memory = Memory()
        self.floor = FloorWindow()
        self.file_refaults_per_second: float | None = None
        self.anon_refaults_per_second: float | None = None
        self.major_faults_per_second: float | None = None
        self.limit_ooms: int | None = None
        self.stat_reads = 0
        self.stirred = True
        """A hot file has changed since this was last set to False."""

    def sample(self, now: float, stat_interval: float, node: NodeSwap) -> Change:
        """Read what is due at the monotonic time `now`. Raises CgroupGone."""
        contents = self._hot.read()
        stat_due = now >= self._next_stat
        same = contents == self._contents
        self.stirred = self.stirred or not same
        if not stat_due:
            if same and self._settled:
                return Change.NOTHING
            if self._quick and self._sample_usage_alone(contents):
                return Change.USAGE
        before = self.counters
        counters = self._hot.counters(contents)
        lifetime = highest(counters.peak_bytes, self.memory.peak_lifetime_bytes)
        if self._hot.peak_is_of_interval and self._contents is not None:
            peak = highest(counters.peak_bytes, counters.usage_bytes)
        else:
            peak = interval_peak(before.usage_bytes, counters.usage_bytes, before.peak_bytes, counters.peak_bytes)
        if self._hot.peak_is_of_interval and (counters.peak_bytes or 0) > (counters.usage_bytes or 0):
            self._hot.reset_peak(contents)
        if self.version == 2 and (self._contents is None or counters.oom_kills != before.oom_kills):
            self.limit_ooms = self.read_file(FileKind.MEMORY_EVENTS, "memory.events.local", parse_ooms)
        if stat_due or counters.oom_kills != before.oom_kills or self._moved(counters.usage_bytes):
            self._read_charges(now, stat_interval, counters.usage_bytes)
        self.memory = account(counters.usage_bytes, peak, lifetime, self.charges, node)
        if self._read_at == now and self.memory.unreclaimable_bytes is not None:
            self.floor.add(now, self.memory.unreclaimable_bytes)
        self._contents = contents
        self._settled = peak == counters.usage_bytes and not self._hot.made_no_sense
        self._quick = counters.usage_bytes is not None and not (self._hot.made_no_sense or self._hot.peak_is_of_interval)
        self.counters = counters
        return Change.ANYTHING

    def _sample_usage_alone(self, contents: Contents) -> bool:
        """The common case, at a quarter of the cost: nothing but usage differs. False when it is not that case."""
        last = self._contents
        if last is None or contents[1:] != last[1:]:
            return False
        usage, before = parse_number(contents[0]), self.counters
        if isinstance(usage, Problem) or self._moved(usage):
            return False
        peak = usage if before.usage_bytes is None or usage >= before.usage_bytes else before.usage_bytes
        self.memory = structs.replace(
            self.memory,
            usage_bytes=usage,
            peak_interval_bytes=peak,
            working_set_bytes=working_set(usage, self.charges.stat.inactive_file_bytes),
        )
        self.counters = Counters(usage, before.peak_bytes, before.limit_hits, before.high_hits, before.oom_kills)
        self._contents = contents
        self._settled = peak == usage
        return True

    def limit_hits(self) -> int | None:
        """Times a limit was reached, that of memory and swap together included; None when that is not known.

        On v1 with both limits equal, recent kernels count no hit at all: then 0 is not known to be none.
        """
        hits, charges = self.counters.limit_hits, self.charges
        if charges.swap_limit_hits is None:
            return hits
        total = charges.swap_limit_hits + (hits or 0)
        return None if total == 0 and charges.swap_limit_bytes == 0 else total

    def read_file(self, kind: FileKind, name: str, parse: Callable[[bytes], Value | Problem]) -> Value | None:
        """One file of the cgroup, opened and closed; None where absent or senseless."""
        limit = LARGE_FILE_BYTES if kind is FileKind.MEMORY_STAT else SMALL_FILE_BYTES
        return read_value(self._errors, kind, parse, name, directory=self._directory, max_bytes=limit)

    def close(self) -> None:
        self._hot.close()
        self._directory.close()

    def _moved(self, usage_bytes: int | None) -> bool:
        return usage_bytes is not None and abs(usage_bytes - self._usage_at_stat) > self._moved_bytes

    def _read_charges(self, now: float, stat_interval: float, usage_bytes: int | None) -> None:
        before, read_before = self.charges.stat, self._read_at
        with_settings = self.stat_reads % STAT_READS_PER_SETTINGS == 0
        self.charges = self._files.read_charges(self.read_file, None if with_settings else self.charges)
        stat = self.charges.stat
        if stat.problem is not None:
            self._errors.record(FileKind.MEMORY_STAT, f"{self._directory.path}/memory.stat", stat.problem)
        if read_before is not None and now - read_before >= SHORTEST_SPAN_SECONDS:
            self.file_refaults_per_second = rate(before.file_refaults, stat.file_refaults, now - read_before)
            self.anon_refaults_per_second = rate(before.anon_refaults, stat.anon_refaults, now - read_before)
            self.major_faults_per_second = rate(before.major_faults, stat.major_faults, now - read_before)
        self._read_at = now
        self._next_stat = now + stat_interval * self._next_stat_fraction
        self._next_stat_fraction = 1.0
        self._usage_at_stat = usage_bytes or 0
        self._moved_bytes = max((self.charges.limit_bytes or self._usage_at_stat) // MOVED_FRACTION, MOVED_LEAST_BYTES)
        self.stat_reads += 1
