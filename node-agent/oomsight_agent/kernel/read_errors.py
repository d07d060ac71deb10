"""Counts files that were there but could not be read or understood, by kind, and logs when a kind turns bad or good again.

One line for a transition, none for each sample: a broken file on a node of 330 containers would write 28 million lines a day.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from oomsight_agent.kernel.problem import Problem, printable_text

_log = logging.getLogger(__name__)


class FileKind(StrEnum):
    """Kinds of files, as the metric's label spells them; a fixed set, so that no input can grow the metric."""

    CGROUP_DIRECTORY = "cgroup_directory"
    MEMORY_USAGE = "memory_usage"
    MEMORY_PEAK = "memory_peak"
    MEMORY_LIMIT = "memory_limit"
    MEMORY_STAT = "memory_stat"
    MEMORY_EVENTS = "memory_events"
    MEMORY_KERNEL = "memory_kernel"
    MEMORY_SWAP = "memory_swap"
    OOM_GROUP = "oom_group"
    PRESSURE = "pressure"
    MEMINFO = "meminfo"
    VMSTAT = "vmstat"
    SYSCTL = "sysctl"
    PROCESS_CGROUP = "process_cgroup"
    PROCESS_STAT = "process_stat"
    PROCESS_STATUS = "process_status"
    PROCESS_OOM_SCORE_ADJ = "process_oom_score_adj"
    PROCESS_OOM_SCORE = "process_oom_score"
    CONTAINER_LOGS = "container_logs"


class ReadErrors:
    """Totals since the agent started. Written by the sampler's thread alone; readers see whole numbers at any time."""

    def __init__(self) -> None:
        self._totals: dict[FileKind, int] = dict.fromkeys(FileKind, 0)
        self._failing: set[FileKind] = set()
        self._failed_now: set[FileKind] = set()

    @property
    def totals(self) -> Mapping[FileKind, int]:
        """Failed reads by kind of file; every kind is always there."""
        return MappingProxyType(self._totals)

    @property
    def total(self) -> int:
        return sum(self._totals.values())

    def record(self, kind: FileKind, path: str, problem: Problem) -> None:
        """Count one failed read; the first of its kind since it was last well is logged, with the path and what was found."""
        self._totals[kind] += 1
        self._failed_now.add(kind)
        if kind not in self._failing:
            self._failing.add(kind)
            _log.warning(
                "kernel file cannot be read: its values are absent from the report",
                extra={"file_kind": kind.value, "path": printable_text(path), "problem": str(problem)},
            )

    def settle(self, kinds_read: Iterable[FileKind]) -> None:
        """End of a round that read every file of `kinds_read`: those without a failure since their last round are well again."""
        kinds = frozenset(kinds_read)
        for kind in sorted(self._failing & kinds - self._failed_now):
            self._failing.discard(kind)
            _log.info("kernel file can be read again", extra={"file_kind": kind.value})
        self._failed_now -= kinds
