"""What bounds the operator's writes. The defaults are the published write budget; flags may change them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """Write budgets. Durations are seconds; rates are requests per second over the whole cluster."""

    pod_interval_seconds: float = 300.0
    """At most one patch per pod in this time. The exceptions: docs/architecture.md, Promises."""
    policy_interval_seconds: float = 30.0
    """The same after somebody changed who decides for the pod, or its policy's rules: once for each change."""
    kill_interval_seconds: float = 0.5
    """Kills of one pod that come faster than this are written together: a storm must not keep other pods' kills waiting."""
    workload_kill_interval_seconds: float = 2.0
    """The same for the MemoryRecommendation of one workload, after some at once: its pods tell their kills themselves."""
    workload_kill_burst: int = 5
    numbers_intervals: int = 6
    """Where only numbers moved, and no level, reason, kill or recommendation, a patch waits this many of these intervals."""
    writes_per_second: float = 10.0
    """All writes of the operator together, in the long run."""
    write_burst: int = 100
    """So many at once; kills may borrow as many again, and what can wait pays them back."""
    concurrent_writes: int = 8
    event_burst: int = 25
    """Events (and repetitions of Events) per object (a pod, a node) before the refill below sets the pace."""
    event_refill_seconds: float = 300.0
    event_max_age_seconds: float = 3600.0
    """A kill older than this is no news: no Event (the API server keeps Events for an hour, so no later restart can repeat one)."""
    recommendation_interval_seconds: float = 600.0
    """At most one status of a MemoryRecommendation in this time, unless a kill happened, or a policy was edited (see above)."""
    digest_interval_seconds: float = 3600.0
    """What was learned but is neither a peak, a jump, a kill, nor another limit is kept at most this often in a workload's first
    day. So long, too, a workload without pods is remembered before it is known by its object alone."""
    calm_digest_interval_seconds: float = 6 * 3600.0
    """The same after a workload's first day."""
    policy_status_interval_seconds: float = 10.0
    """At most one status of a policy in this time, unless it stops or starts being accepted."""
    retry_base_seconds: float = 0.5
    retry_cap_seconds: float = 120.0
    forbidden_base_seconds: float = 10.0
    """An API server that has just started refuses all for seconds, until it knows the roles: 403 is retried soon at first."""
    forbidden_retry_seconds: float = 300.0
    """A right that is really missing does not come back in a second: at last 403 is retried this slowly."""
