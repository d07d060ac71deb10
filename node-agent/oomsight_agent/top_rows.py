"""The lines of `oomsight-agent top` as values: which there are, what they are called, how they are sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oomsight_agent.kernel.problem import printable_text
from oomsight_agent.sampler import CgroupRow
from oomsight_agent.series import SANDBOX_CONTAINER, PodName, is_sandbox, pod_names
from oomsight_api.report import Container, Memory, NodeReport


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a container or a cgroup. `kills` None: unknown, or not asked for."""

    name: str
    memory: Memory
    oom_score_adj_min: int | None = None
    oom_score_adj_max: int | None = None
    kills: int | None = None
    process_count: int | None = None
    container_id: str | None = None
    is_sandbox: bool = False

    @property
    def headroom_ratio(self) -> float | None:
        """Headroom in parts of the limit; None without a limit."""
        if self.memory.headroom_bytes is None or not self.memory.limit_bytes:
            return None
        return self.memory.headroom_bytes / self.memory.limit_bytes

    @property
    def peak_bytes(self) -> int | None:
        """Highest usage of the cgroup's life, where the kernel tells it."""
        return self.memory.peak_lifetime_bytes if self.memory.peak_lifetime_bytes is not None else self.memory.peak_interval_bytes

    @property
    def cache_bytes(self) -> int | None:
        """Page cache that can be freed: without shared memory and tmpfs, which count as unreclaimable.

        None when either is unknown.
        """
        if self.memory.file_bytes is None or self.memory.shmem_bytes is None:
            return None
        return max(0, self.memory.file_bytes - self.memory.shmem_bytes)


def rows_of_report(report: NodeReport) -> list[Row]:
    """The containers of a full report, named `namespace/pod/container` as far as names are known."""
    names = pod_names(report)
    return [
        Row(
            name=_container_name(row, names),
            memory=row.memory,
            oom_score_adj_min=row.oom_score_adj_min,
            oom_score_adj_max=row.oom_score_adj_max,
            kills=row.oom_kills,
            process_count=row.process_count,
            container_id=row.container_id,
            is_sandbox=is_sandbox(row),
        )
        for row in report.containers
    ]


def rows_of_cgroups(cgroups: Iterable[CgroupRow]) -> list[Row]:
    """Every memory cgroup, named by its path."""
    return [
        Row(
            name=_printable(row.cgroup),
            memory=row.memory,
            oom_score_adj_min=row.oom_score_adj_min,
            oom_score_adj_max=row.oom_score_adj_max,
            process_count=row.process_count,
        )
        for row in cgroups
    ]


SORT_KEYS: dict[str, Callable[[Row], Any]] = {
    "headroom": lambda row: (row.headroom_ratio is None, row.headroom_ratio or 0.0, -(row.memory.unreclaimable_bytes or 0)),
    "usage": lambda row: -(row.memory.usage_bytes or 0),
    "working-set": lambda row: -(row.memory.working_set_bytes or 0),
    "unreclaimable": lambda row: -(row.memory.unreclaimable_bytes or 0),
    "peak": lambda row: -(row.peak_bytes or 0),
    "oom-adj": lambda row: -(row.oom_score_adj_max if row.oom_score_adj_max is not None else -1001),
    "kills": lambda row: -(row.kills or 0),
    "name": lambda row: row.name,
}
"""By `headroom`: the least part of the limit first, what has no limit last."""


def sort_rows(rows: Iterable[Row], sort_by: str) -> list[Row]:
    """Sort by one of SORT_KEYS, ties by name."""
    key = SORT_KEYS[sort_by]
    return sorted(rows, key=lambda row: (key(row), row.name))


def _container_name(row: Container, names: Mapping[str, PodName]) -> str:
    container = row.container_name or (SANDBOX_CONTAINER if is_sandbox(row) else row.container_id[:12])
    name = names.get(row.pod_uid)
    return _printable(f"{row.pod_uid}/{container}" if name is None else f"{name.namespace}/{name.pod}/{container}")


def _printable(text: str) -> str:
    return text if text.isascii() and text.isprintable() else printable_text(text)
