"""The words that oomsight writes into a cluster: keys, kinds, reasons, levels.

Everything here is a compile-time constant, so that a user who greps for a word seen in `kubectl describe` finds its meaning.
"""

from __future__ import annotations

from enum import StrEnum

GROUP = "oomsight.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "oomsight"
FIELD_MANAGER = "oomsight-operator"
PREFIX = f"{GROUP}/"


class Annotation(StrEnum):
    """Annotations on a pod. Written by the operator only; never read as input, since tenants can forge them."""

    POLICY = f"{PREFIX}policy"
    QOS_CLASS = f"{PREFIX}qos-class"
    OOM_SCORE_ADJ = f"{PREFIX}oom-score-adj"
    OOM_RISK = f"{PREFIX}oom-risk"
    OOM_RISK_REASONS = f"{PREFIX}oom-risk-reasons"
    MEMORY = f"{PREFIX}memory"
    LAST_OOM_KILL = f"{PREFIX}last-oom-kill"
    RECOMMENDED_LIMIT = f"{PREFIX}recommended-limit"
    RECOMMENDED_REQUEST = f"{PREFIX}recommended-request"
    SUMMARY = f"{PREFIX}summary"
    REPORT = f"{PREFIX}report"


RISK_LABEL = f"{PREFIX}oom-risk"
"""The one label, on pods whose policy asks for it, so that `kubectl get pods -l` and `-L` work."""

CONFIG_HASH_ANNOTATION = "kubernetes.io/config.hash"
"""Set by the kubelet on mirror pods: the name under which a static pod's cgroup is found."""


class QosClass(StrEnum):
    """The pod's quality of service class, as `status.qosClass` spells it."""

    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


class RiskLevel(StrEnum):
    """How near a container is to an OOM kill. `unknown` is no level between the others: nothing can be said."""

    UNKNOWN = "unknown"
    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def severity(self) -> int:
        """Order of levels; unknown sorts below none, so that one known danger beside it is not hidden."""
        return _SEVERITY[self]


_SEVERITY = {level: index for index, level in enumerate(RiskLevel)}


class RiskReason(StrEnum):
    """Why a container is at risk. The full set of the design; a version raises those that it can prove."""

    NEAR_LIMIT = "NearLimit"
    LEAK_SUSPECTED = "LeakSuspected"
    OOM_KILLED_RECENTLY = "OOMKilledRecently"
    CHILD_PROCESS_KILLED = "ChildProcessKilled"
    MEMORY_PRESSURE = "MemoryPressure"
    CACHE_THRASHING = "CacheThrashing"
    SWAP_THRASHING = "SwapThrashing"
    NO_LIMIT = "NoLimit"
    OVER_REQUEST = "OverRequest"
    FIRST_TO_DIE = "FirstToDie"
    LIMIT_EQUALS_PEAK = "LimitEqualsPeak"
    SHARED_MEMORY_HEAVY = "SharedMemoryHeavy"


class Advice(StrEnum):
    """Common mistakes, found by evidence. Never a level of risk by itself."""

    NO_BURST_ROOM = "NoBurstRoom"
    LIMIT_NEAR_NODE_SIZE = "LimitNearNodeSize"
    CACHE_NOT_SIZED = "CacheNotSized"
    NO_REQUEST = "NoRequest"
    UNBOUNDED_SWAP = "UnboundedSwap"
    SILENT_KILLS = "SilentKills"
    """Processes were killed, and Kubernetes told nobody."""
    HEAP_NOT_SIZED = "HeapNotSized"
    """A garbage-collected heap and the limit do not fit together."""


class Confidence(StrEnum):
    """How much a forecast or a recommendation may be relied on."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Cause(StrEnum):
    """Why the kernel killed: what would have to change for it not to happen again."""

    LIMIT_TOO_LOW = "LimitTooLow"
    LEAK = "Leak"
    BURST = "Burst"
    SHARED_MEMORY = "SharedMemory"
    PAGE_CACHE_THRASH = "PageCacheThrash"
    CHILD_PROCESS = "ChildProcess"
    NODE_PRESSURE = "NodePressure"
    POD_LIMIT = "PodLimit"
    STARTUP = "Startup"
    UNKNOWN = "Unknown"


class EventReason(StrEnum):
    """Reasons of the Events on pods (and nodes)."""

    OOM_KILLED = "OOMKilled"
    CHILD_PROCESS_OOM_KILLED = "ChildProcessOOMKilled"
    NODE_OUT_OF_MEMORY = "NodeOutOfMemory"
    """On the node: its own memory ran out, and the kernel killed somewhere on it."""
    OOM_RISK_RAISED = "OOMRiskRaised"
    OOM_RISK_LOWERED = "OOMRiskLowered"
    MEMORY_LIMIT_RECOMMENDED = "MemoryLimitRecommended"


class EventAction(StrEnum):
    """What the operator did when it sent the Event (`action` of events.k8s.io/v1)."""

    OBSERVE = "Observe"
    ASSESS = "Assess"
    RECOMMEND = "Recommend"


class ConditionType(StrEnum):
    """Condition types on policies (GEP-713) and on recommendations."""

    ACCEPTED = "Accepted"
    ENFORCED = "Enforced"
    PARTIALLY_ENFORCED = "PartiallyEnforced"
    OVERRIDDEN = "Overridden"
    RECOMMENDATION_PROVIDED = "RecommendationProvided"
