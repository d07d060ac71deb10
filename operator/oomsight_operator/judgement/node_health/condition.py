"""A condition of a node's memory, in the shape of a Kubernetes condition. True is always the bad news.

They are served and measured, and not written to the Node object: that would need a right that oomsight does not ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Unknown: the node's agent is silent, or its kernel does not tell."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ConditionType(StrEnum):
    """What is asked. None is a condition that the kubelet sets."""

    AVAILABLE_MEMORY_LOW = "AvailableMemoryLow"
    MEMORY_STALLS = "MemoryStalls"
    SWAP_THRASHING = "SwapThrashing"
    EVICTION_NEAR = "EvictionNear"
    ALLOCATIONS_LIMITED = "AllocationsLimited"
    PANIC_ON_OOM = "PanicOnOOM"
    OOM_KILLS_ALLOCATING_TASK = "OOMKillsAllocatingTask"


class Reason(StrEnum):
    """Why a condition is what it is. Those that name a false alarm say so."""

    NOT_REPORTED = "NotReported"
    """Unknown: the agent does not tell the numbers behind it."""
    AVAILABLE_CRITICAL = "AvailableCritical"
    AVAILABLE_SHORT = "AvailableShort"
    PAGE_CACHE_IN_USE = "PageCacheInUse"
    """False alarm: little is free and much is available, since page cache is freed on demand."""
    AVAILABLE_SUFFICIENT = "AvailableSufficient"
    ALL_TASKS_STALL = "AllTasksStall"
    SOME_TASKS_STALL = "SomeTasksStall"
    """False alarm: single tasks wait for memory, the node as a whole works."""
    NO_STALLS = "NoStalls"
    SWAP_IN_AND_OUT = "SwapInAndOut"
    SWAPPING_IN = "SwappingIn"
    SWAPPING_OUT = "SwappingOut"
    SWAP_USED_WITHOUT_TRAFFIC = "SwapUsedWithoutTraffic"
    """False alarm: swap is full of what nobody needs."""
    NO_SWAP_TRAFFIC = "NoSwapTraffic"
    NO_SWAP = "NoSwap"
    EVICTION_THRESHOLD_MET = "EvictionThresholdMet"
    EVICTION_MARGIN_SMALL = "EvictionMarginSmall"
    KUBELET_UNDER_PRESSURE = "KubeletUnderPressure"
    EVICTION_FAR = "EvictionFar"
    NO_EVICTION_THRESHOLD = "NoEvictionThreshold"
    STRICT_OVERCOMMIT = "StrictOvercommit"
    HEURISTIC_OVERCOMMIT = "HeuristicOvercommit"
    ALWAYS_OVERCOMMIT = "AlwaysOvercommit"
    PANICS_ON_ANY_OOM = "PanicsOnAnyOOM"
    PANICS_ON_NODE_OOM = "PanicsOnNodeOOM"
    KILLS_INSTEAD = "KillsInstead"
    KILLS_WHOEVER_ALLOCATES = "KillsWhoeverAllocates"
    KILLS_BY_POINTS = "KillsByPoints"


@dataclass(frozen=True, slots=True)
class NodeCondition:
    """One answer. The message is printable ASCII, carries its numbers with units and windows, and says what to do."""

    type: ConditionType
    status: Status
    reason: Reason
    message: str


def unknown(condition: ConditionType, what: str) -> NodeCondition:
    """`what`: the number that is missing."""
    return NodeCondition(condition, Status.UNKNOWN, Reason.NOT_REPORTED, f"unknown: the node's agent does not tell {what}")
