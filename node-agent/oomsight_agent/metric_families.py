"""What the agent's metrics are called and mean: each a family of samples, named after the attribute of the report that it shows."""

from __future__ import annotations

from typing import NamedTuple


class Family(NamedTuple):
    """One metric: its name, type and help, and the attribute of a row that it shows."""

    name: str
    kind: str
    help: str
    attribute: str


MEMORY = (
    ("usage_bytes", "Everything charged to the cgroup, page cache included: what counts against the limit."),
    ("limit_bytes", "The hard limit; absent without one."),
    ("high_bytes", "Throttling starts above this (cgroup v2 memory.high); absent where unset."),
    ("peak_lifetime_bytes", "Highest usage since the cgroup was made."),
    ("anon_bytes", "Anonymous memory without shared memory."),
    ("file_bytes", "Page cache, shared memory and tmpfs included."),
    ("active_file_bytes", "Page cache on the active list."),
    ("inactive_file_bytes", "Page cache on the inactive list: what the working set leaves out."),
    ("shmem_bytes", "Shared memory and tmpfs: freed by nobody but its owner, or swap."),
    ("kernel_bytes", "Kernel memory charged to the cgroup."),
    ("slab_reclaimable_bytes", "Kernel slabs that can be freed."),
    ("slab_unreclaimable_bytes", "Kernel slabs that cannot be freed."),
    ("page_tables_bytes", "Page tables."),
    ("kernel_stack_bytes", "Kernel stacks of the tasks."),
    ("sock_bytes", "Network buffers."),
    ("swap_bytes", "Memory in swap."),
    ("swap_limit_bytes", "What may be swapped at most; absent without a limit."),
    ("working_set_bytes", "What kubectl top shows: usage less inactive page cache."),
    ("unreclaimable_bytes", "What the kernel could not free under pressure."),
    ("headroom_bytes", "The limit less what cannot be freed; may be negative."),
)

CONTAINER = (
    Family("refaults_per_second", "gauge", "Pages of cache that were thrown out and needed again.", "refaults_per_second"),
    Family(
        "anon_refaults_per_second",
        "gauge",
        "Pages of anonymous memory that were swapped out and needed again.",
        "anon_refaults_per_second",
    ),
    Family("major_faults_per_second", "gauge", "Page faults that had to wait for a disk.", "major_faults_per_second"),
    Family("limit_hits_total", "counter", "Times the limit was reached and memory had to be reclaimed.", "limit_hits"),
    Family("high_hits_total", "counter", "Times memory.high was exceeded and the tasks were throttled.", "high_hits"),
    Family("oom_group", "gauge", "1: all processes of the container die together (memory.oom.group).", "oom_group"),
    Family("oom_score_adj_min", "gauge", "Least live oom_score_adj of the processes.", "oom_score_adj_min"),
    Family("oom_score_adj_max", "gauge", "Greatest live oom_score_adj of the processes.", "oom_score_adj_max"),
    Family("processes", "gauge", "Processes in the container.", "process_count"),
    Family(
        "memory_floor_slope_bytes_per_second",
        "gauge",
        "Growth of the floor of memory that cannot be freed.",
        "floor_slope_bytes_per_second",
    ),
)

POD = (
    Family("limit_hits_total", "counter", "Times the pod's own limit was reached.", "limit_hits"),
    Family("oom_kills_total", "counter", "Processes killed in the pod's cgroup since it was made.", "oom_kills"),
    Family("oom_group", "gauge", "1: all processes of the pod die together (memory.oom.group).", "oom_group"),
)

ABOVE_PODS = ("usage_bytes", "limit_bytes", "working_set_bytes", "unreclaimable_bytes", "headroom_bytes")
"""Of the root cgroup, kubepods and the QoS classes: what the kubelet compares with its thresholds, and what the kernel does."""

NODE = (
    Family("memory_total_bytes", "gauge", "MemTotal.", "total_bytes"),
    Family("memory_available_bytes", "gauge", "MemAvailable: what can be had without swapping.", "available_bytes"),
    Family("memory_free_bytes", "gauge", "MemFree.", "free_bytes"),
    Family("swap_total_bytes", "gauge", "SwapTotal.", "swap_total_bytes"),
    Family("swap_free_bytes", "gauge", "SwapFree.", "swap_free_bytes"),
    Family("swap_in_pages_total", "counter", "Pages read from swap since boot.", "swap_in_pages"),
    Family("swap_out_pages_total", "counter", "Pages written to swap since boot.", "swap_out_pages"),
    Family("oom_kills_total", "counter", "Processes killed on the node since boot, by any OOM.", "oom_kills"),
    Family("major_faults_total", "counter", "Page faults that had to wait for a disk, since boot.", "major_faults"),
    Family("swappiness", "gauge", "vm.swappiness.", "swappiness"),
    Family("overcommit_memory", "gauge", "vm.overcommit_memory.", "overcommit_memory"),
    Family("panic_on_oom", "gauge", "vm.panic_on_oom.", "panic_on_oom"),
    Family("oom_kill_allocating_task", "gauge", "vm.oom_kill_allocating_task.", "oom_kill_allocating_task"),
)

PRESSURE = (
    ("some", "Seconds in which at least one task waited for memory.", "some_total_seconds"),
    ("full", "Seconds in which all tasks waited for memory.", "full_total_seconds"),
)
