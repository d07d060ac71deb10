"""What is a material change: pure functions that compare a row with what was last told of it.

An operator of 5,000 nodes can only listen to what means something. A row is compared with its last *material* version, never
with the previous sample, so that a slow drift adds up until it is told. The constants below are the whole rule.
"""

from __future__ import annotations

from enum import IntEnum
from operator import attrgetter

from oomsight_api.report import Container, Memory, NodeMemory, NodeReport, Pod, Pressure

STEP_RATIO = 0.02
"""An amount is told again when it moved by 2 % of the limit: the risk thresholds of a policy are whole percents and stand
further apart."""

STEP_FLOOR_BYTES = 1024 * 1024
"""Below 1 MiB a move is noise: the kernel charges memory in batches of 64 pages a CPU, and 2 % of a 16 MiB limit is less than
that."""

STEP_RATIO_OF_ITSELF = 0.10
STEP_FLOOR_WITHOUT_LIMIT_BYTES = 16 * 1024 * 1024
"""Without a limit the step is 2 % of the node's memory, but that is 1.3 GiB on a node of 64 GiB: so a container is told again when
it moved by a tenth of what was told, from 16 MiB on."""

NEAR_LIMIT_RATIO = 0.90
"""Rising over 90 % of the limit with memory that cannot be freed is told at once: minutes may be left."""

PRESSURE_STEP_PERCENT = 5.0
"""avg10 moves all the time; 5 points of wall time are half a second of stall in ten."""

MINUTE_STEP_PERCENT = 2.0
"""avg60 moves slowly and goes on moving when avg10 has come to rest; a policy's thresholds for it begin at 5 points."""

RATE_STEP_PER_SECOND = 50.0
RATE_STEP_FACTOR = 2.0
"""Refaults, major faults and the node's swapping are told when they doubled or halved, and moved by what a slow disk can just
serve (50 pages a second)."""

SLOPE_HORIZON_SECONDS = 600.0
"""A slope is told again when, over ten minutes, it would lead a step of memory away from where the told one led."""

NODE_STEP_RATIO = 0.02
"""MemAvailable in parts of MemTotal; the kubelet's default eviction threshold (100 MiB) is 2 % of a node of 5 GiB."""


class Change(IntEnum):
    """How much a row says that was not said before; the greatest of a sample's rows stands for the sample."""

    NONE = 0
    MATERIAL = 1
    """Worth a line in the next answer."""
    URGENT = 2
    """Worth an answer at once: a kill, an incident that is new or became clearer, or memory that cannot be freed rising over 90 %
    of the limit."""


# attrgetter makes one tuple in C: the comparison of 440 rows a second is worth it.
_measured = attrgetter("usage_bytes", "working_set_bytes", "unreclaimable_bytes", "anon_bytes", "shmem_bytes", "swap_bytes")
_settings = attrgetter("limit_bytes", "unlimited", "high_bytes", "swap_limit_bytes", "swap_unlimited")
_identity = attrgetter(
    "oom_kills",
    "oom_score_adj_min",
    "oom_score_adj_max",
    "oom_group",
    "cgroup",
    "container_name",
    "pod_name",
    "namespace",
    "pod_uid",
)


def step_bytes(memory: Memory, told_bytes: int, node_total_bytes: int | None) -> float:
    """How far an amount must move from `told_bytes` to be told again."""
    limit = memory.limit_bytes
    if limit is not None:
        return max(STEP_RATIO * limit, STEP_FLOOR_BYTES)
    own = max(STEP_RATIO_OF_ITSELF * told_bytes, STEP_FLOOR_WITHOUT_LIMIT_BYTES)
    return own if node_total_bytes is None else max(min(own, STEP_RATIO * node_total_bytes), STEP_FLOOR_BYTES)


def memory_change(told: Memory, now: Memory, told_peak_bytes: int | None, node_total_bytes: int | None) -> Change:
    """Compare one cgroup's memory. `told_peak_bytes` is the peak that was told with `told`; only a higher one is news."""
    if _is_newly_near_limit(told, now):
        return Change.URGENT
    if (
        _settings(told) != _settings(now)
        or _amounts_moved(told, now, node_total_bytes)
        or _peak_rose(told, now, told_peak_bytes, node_total_bytes)
    ):
        return Change.MATERIAL
    return Change.NONE


def container_change(told: Container, now: Container, told_peak_bytes: int | None, node_total_bytes: int | None) -> Change:
    """Compare a container with its last material version. Limit hits are the ledger's: their onset needs the time."""
    if told.oom_kills != now.oom_kills and now.oom_kills:
        return Change.URGENT
    change = memory_change(told.memory, now.memory, told_peak_bytes, node_total_bytes)
    if change:
        return change
    if (
        _identity(told) != _identity(now)
        or pressure_moved(told.pressure, now.pressure)
        or _rate_moved(told.refaults_per_second, now.refaults_per_second)
        or _rate_moved(told.anon_refaults_per_second, now.anon_refaults_per_second)
        or _rate_moved(told.major_faults_per_second, now.major_faults_per_second)
        or _slope_moved(told, now, node_total_bytes)
    ):
        return Change.MATERIAL
    return Change.NONE


def pod_change(told: Pod, now: Pod, told_peak_bytes: int | None, node_total_bytes: int | None) -> Change:
    """Compare a pod's own cgroup with its last material version."""
    if told.oom_kills != now.oom_kills and now.oom_kills:
        return Change.URGENT
    if told.oom_kills != now.oom_kills or told.cgroup != now.cgroup or told.oom_group != now.oom_group:
        return max(Change.MATERIAL, memory_change(told.memory, now.memory, told_peak_bytes, node_total_bytes))
    return memory_change(told.memory, now.memory, told_peak_bytes, node_total_bytes)


def node_change(told: NodeMemory, now: NodeMemory) -> Change:
    """Compare the node. It stands in every answer, so this only decides whether to answer early."""
    if told.oom_kills is not None and now.oom_kills is not None and now.oom_kills > told.oom_kills:
        return Change.URGENT
    total = now.total_bytes
    if (
        told.total_bytes != total
        or told.swap_total_bytes != now.swap_total_bytes
        or told.swappiness != now.swappiness
        or told.overcommit_memory != now.overcommit_memory
        or told.overcommit_ratio != now.overcommit_ratio
        or told.panic_on_oom != now.panic_on_oom
        or told.oom_kill_allocating_task != now.oom_kill_allocating_task
        or told.signed_badness != now.signed_badness
        or _rate_moved(told.swap_in_pages_per_second, now.swap_in_pages_per_second)
        or _rate_moved(told.swap_out_pages_per_second, now.swap_out_pages_per_second)
        or _node_amount_moved(told.available_bytes, now.available_bytes, total)
        or _node_amount_moved(told.swap_free_bytes, now.swap_free_bytes, total)
        or pressure_moved(told.pressure, now.pressure)
    ):
        return Change.MATERIAL
    return Change.NONE


def settings_around_pods(report: NodeReport) -> tuple[object, ...]:
    """What is worth an early answer of the cgroups above the pods and of those that die whole: settings, which seldom change.

    They stand in every answer, as the processes outside containers do, whose sizes are worth none.
    """
    above = [(row.cgroup, row.memory.limit_bytes, row.memory.unlimited, row.oom_group, row.holds_pods) for row in report.cgroups]
    return *above, *report.oom_groups


def log_reading_changed(told: NodeReport, now: NodeReport) -> bool:
    """Whether the kernel's log is read otherwise than before, has lost records, or leaves other kills unexplained."""
    return (told.kernel_log, told.unattributed_oom_kills) != (now.kernel_log, now.unattributed_oom_kills)


def limit_hits_rose(previous: int | None, now: int | None) -> bool:
    """True when the limit was reached since the previous sample; False when either is unknown."""
    return previous is not None and now is not None and now > previous


def pressure_moved(told: Pressure | None, now: Pressure | None) -> bool:
    """True when the ten-second averages moved by PRESSURE_STEP_PERCENT, the minute's by MINUTE_STEP_PERCENT, came or went."""
    if told is None or now is None:
        return told is not now
    return (
        _percent_moved(told.some_avg10, now.some_avg10, PRESSURE_STEP_PERCENT)
        or _percent_moved(told.full_avg10, now.full_avg10, PRESSURE_STEP_PERCENT)
        or _percent_moved(told.some_avg60, now.some_avg60, MINUTE_STEP_PERCENT)
        or _percent_moved(told.full_avg60, now.full_avg60, MINUTE_STEP_PERCENT)
    )


def _amounts_moved(told: Memory, now: Memory, node_total_bytes: int | None) -> bool:
    before, after = _measured(told), _measured(now)
    if before == after:
        return False
    for known, seen in zip(before, after, strict=True):
        if known == seen:
            continue
        if known is None or seen is None:
            return True  # absent is not zero: that a value went or came back is news
        moved = abs(seen - known)
        if moved >= STEP_FLOOR_BYTES and moved >= step_bytes(now, known, node_total_bytes):
            return True
    return False


def _peak_rose(told: Memory, now: Memory, told_peak_bytes: int | None, node_total_bytes: int | None) -> bool:
    peak = now.peak_interval_bytes
    if peak is None:
        return False  # usage, without which there is no peak, is compared by itself
    known = told_peak_bytes if told_peak_bytes is not None else told.usage_bytes
    if known is None:
        return True
    rise = peak - known
    return rise >= STEP_FLOOR_BYTES and rise >= step_bytes(now, known, node_total_bytes)


def _percent_moved(told: float | None, now: float | None, step: float) -> bool:
    if told is None or now is None:
        return told is not now
    return abs(now - told) >= step


def _rate_moved(told: float | None, now: float | None) -> bool:
    if now is None:
        return False  # a rate needs two samples; that it is missing for a while says nothing
    before = told or 0.0
    if now == before:
        return False
    low, high = min(before, now), max(before, now)
    return high - low >= RATE_STEP_PER_SECOND and high >= RATE_STEP_FACTOR * low


def _slope_moved(told: Container, now: Container, node_total_bytes: int | None) -> bool:
    before, after = told.floor_slope_bytes_per_second, now.floor_slope_bytes_per_second
    if before is None or after is None or before == after:
        return before != after
    step = step_bytes(now.memory, now.memory.unreclaimable_bytes or 0, node_total_bytes)
    return abs(after - before) * SLOPE_HORIZON_SECONDS >= step


def _node_amount_moved(told: int | None, now: int | None, total: int | None) -> bool:
    if told is None or now is None:
        return told is not now
    return total is not None and abs(now - told) >= NODE_STEP_RATIO * total


def _is_newly_near_limit(told: Memory, now: Memory) -> bool:
    limit, unreclaimable = now.limit_bytes, now.unreclaimable_bytes
    if limit is None or unreclaimable is None or unreclaimable < NEAR_LIMIT_RATIO * limit:
        return False
    if told.limit_bytes is None or told.unreclaimable_bytes is None:
        return True
    return told.unreclaimable_bytes < NEAR_LIMIT_RATIO * told.limit_bytes
