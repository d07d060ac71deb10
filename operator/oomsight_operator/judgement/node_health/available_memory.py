"""AvailableMemoryLow: what the kernel could still give without swapping (MemAvailable) is a small part of the node.

Source: Documentation/filesystems/proc.rst, MemAvailable. MemFree is no measure: a kernel that works well has little of it, since
memory that nobody asks for is used as page cache, and given back on demand. Thresholds: below 10 % short, below 5 % critical, as a
policy's `nodeAvailable`.
"""

from __future__ import annotations

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.node_health.condition import ConditionType, NodeCondition, Reason, Status, unknown
from oomsight_operator.judgement.node_health.facts import DEFAULTS, NodeFacts

_TYPE = ConditionType.AVAILABLE_MEMORY_LOW
_TO_DO = (
    "the kernel kills somewhere on this node when nothing is left: the kill order says whom, the eviction order whom the kubelet"
    " takes before; move pods away, or give those that hold most a limit"
)


def available_memory(facts: NodeFacts) -> NodeCondition:
    """Available, not free."""
    percent, memory = facts.available_percent, facts.memory
    if percent is None or memory.available_bytes is None or memory.total_bytes is None:
        return unknown(_TYPE, "MemAvailable")
    amount = f"{human_bytes(memory.available_bytes)} of {human_bytes(memory.total_bytes)} available ({percent} %)"
    if facts.is_short:
        critical = percent < DEFAULTS.node_available.high_percent
        reason = Reason.AVAILABLE_CRITICAL if critical else Reason.AVAILABLE_SHORT
        threshold = DEFAULTS.node_available.high_percent if critical else DEFAULTS.node_available.medium_percent
        return NodeCondition(_TYPE, Status.TRUE, reason, f"{amount}, below {threshold} %: {_TO_DO}")
    if facts.free_percent is not None and facts.free_percent < DEFAULTS.node_available.medium_percent:
        free = f"only {human_bytes(memory.free_bytes or 0)} is free ({facts.free_percent} %)"
        healthy = "low free with high available is healthy: the rest is page cache, which the kernel frees on demand"
        return NodeCondition(_TYPE, Status.FALSE, Reason.PAGE_CACHE_IN_USE, f"{amount}, {free}: {healthy}")
    return NodeCondition(_TYPE, Status.FALSE, Reason.AVAILABLE_SUFFICIENT, amount)
