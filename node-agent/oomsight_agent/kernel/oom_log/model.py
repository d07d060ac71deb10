"""What the kernel's log says of one OOM. Names and cgroup paths are printable ASCII, other bytes as `\\xNN`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogKill:
    """One `Killed process` line."""

    seq: int
    """Sequence number of its record."""
    usec: int
    """Time of its record, microseconds of about CLOCK_MONOTONIC."""
    pid: int
    name: str
    total_vm_bytes: int | None = None
    anon_rss_bytes: int | None = None
    file_rss_bytes: int | None = None
    shmem_rss_bytes: int | None = None
    """4.5 on; before, shmem is in `file_rss_bytes`."""
    uid: int | None = None
    page_tables_bytes: int | None = None
    oom_score_adj: int | None = None


@dataclass(frozen=True, slots=True)
class LogTask:
    """One row of the task table."""

    pid: int
    name: str
    uid: int | None = None
    total_vm_bytes: int | None = None
    rss_bytes: int | None = None
    swap_bytes: int | None = None
    page_tables_bytes: int | None = None
    oom_score_adj: int | None = None


@dataclass(frozen=True, slots=True)
class LogMemory:
    """What the cgroup whose limit was hit was charged for; of a node-wide OOM, the node (Mem-Info). None: not in the log."""

    usage_bytes: int | None = None
    limit_bytes: int | None = None
    """None also where the log shows the kernel's word for no limit (about 2^63)."""
    swap_bytes: int | None = None
    anon_bytes: int | None = None
    file_bytes: int | None = None
    """With shmem, as on v1 `total_cache` and on v2 `file`."""
    shmem_bytes: int | None = None
    kernel_bytes: int | None = None
    free_bytes: int | None = None
    """Node-wide only."""


@dataclass(frozen=True, slots=True)
class LogOom:
    """One OOM as far as its lines have come. The same OOM comes again, with the same `seq`, when a further victim is read."""

    seq: int
    """Sequence number of its first `Killed process` line (where nobody was killed, of the line that says so): its identity."""
    usec: int
    """Time of that record."""
    is_global: bool | None
    """True: the node was out of memory; False: a cgroup was."""
    limit_cgroup: str | None = None
    """`oom_memcg`, or `limit of` before 5.0; None where the header was not logged, or is_global."""
    task_cgroup: str | None = None
    """`task_memcg` of the first victim, or `Task in` before 5.0."""
    group_cgroup: str | None = None
    """The cgroup that dies whole by memory.oom.group; None: no group."""
    trigger_pid: int | None = None
    trigger_name: str | None = None
    trigger_cpuset: str | None = None
    """`cpuset=`: basename of the allocating task's cpuset, that is its container's cgroup."""
    kills: tuple[LogKill, ...] = ()
    """In the log's order, each pid once; empty: no killable process."""
    memory: LogMemory | None = None
    tasks: tuple[LogTask, ...] = ()
    """The ten biggest by rss + swap, biggest first."""
