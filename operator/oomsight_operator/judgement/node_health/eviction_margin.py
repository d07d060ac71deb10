"""EvictionNear: the kubelet evicts, or soon will.

Source: judgement/eviction/signals.py. Near is a margin below 5 % of the signal's capacity: the kubelet looks every 10 s, and what
a busy node allocates in that time is of this order. The kubelet counts active page cache as used, so it can evict while the
kernel has plenty: that is said where it is so.
"""

from __future__ import annotations

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.eviction.settings import MONITORING_SECONDS
from oomsight_operator.judgement.eviction.signals import Margin, Signal, SignalState, ThresholdKind
from oomsight_operator.judgement.node_health.condition import ConditionType, NodeCondition, Reason, Status, unknown
from oomsight_operator.judgement.node_health.facts import NodeFacts

NEAR_PERCENT = 5
_TYPE = ConditionType.EVICTION_NEAR


def eviction_margin(facts: NodeFacts) -> NodeCondition:
    """By the tightest of all known margins; of those that are met a hard one goes first, since it gives no time."""
    known = [(state, margin) for state in facts.signals for margin in state.margins]
    if not known:
        return _without_margin(facts)
    state, margin = min(known, key=_urgency)
    numbers = f"{_numbers(state, margin)}{_assumed(facts)}"
    if margin.is_met:
        message = f"{numbers}: {_consequence(margin)}{_cache(facts, state)}"
        return NodeCondition(_TYPE, Status.TRUE, Reason.EVICTION_THRESHOLD_MET, message)
    if state.capacity_bytes is not None and margin.margin_bytes * 100 < state.capacity_bytes * NEAR_PERCENT:
        near = f"less than {NEAR_PERCENT} % of {human_bytes(state.capacity_bytes)}; the kubelet looks every {MONITORING_SECONDS} s"
        message = f"{numbers}, {near}: the eviction order says which pod goes first{_cache(facts, state)}"
        return NodeCondition(_TYPE, Status.TRUE, Reason.EVICTION_MARGIN_SMALL, message)
    if facts.kubelet_memory_pressure:
        message = (
            f"the kubelet says MemoryPressure while {numbers}: it keeps saying so for some minutes after a threshold was met"
            " (evictionPressureTransitionPeriod, 5 min by default), or has other thresholds than these; BestEffort pods are not"
            " admitted meanwhile"
        )
        return NodeCondition(_TYPE, Status.TRUE, Reason.KUBELET_UNDER_PRESSURE, message)
    if any(each.signal is Signal.MEMORY_AVAILABLE and each.available_bytes is None for each in facts.signals):
        return unknown(_TYPE, f"the working set of the root cgroup, and so memory.available; {numbers}")
    return NodeCondition(_TYPE, Status.FALSE, Reason.EVICTION_FAR, numbers)


def _urgency(each: tuple[SignalState, Margin]) -> tuple[bool, int]:
    _, margin = each
    return (not (margin.is_met and margin.kind is ThresholdKind.HARD), margin.margin_bytes)


def _without_margin(facts: NodeFacts) -> NodeCondition:
    if any(state.available_bytes is not None for state in facts.signals):
        message = (
            "the kubelet's configuration has no threshold on memory.available: it never evicts for memory, the kernel kills instead"
        )
        return NodeCondition(_TYPE, Status.FALSE, Reason.NO_EVICTION_THRESHOLD, message)
    said = {True: "True", False: "False", None: "Unknown"}[facts.kubelet_memory_pressure]
    return unknown(_TYPE, f"the working set of the root cgroup; the kubelet's own MemoryPressure is {said}")


def _numbers(state: SignalState, margin: Margin) -> str:
    available = human_bytes(state.available_bytes or 0)
    distance = "below" if margin.is_met else "above"
    kind = f"{margin.kind.value} eviction threshold {human_bytes(margin.threshold_bytes)}"
    return f"{state.signal.value} is {available}, {human_bytes(abs(margin.margin_bytes))} {distance} the {kind}"


def _assumed(facts: NodeFacts) -> str:
    return f" (assumed: {facts.assumed_because})" if facts.assumed_because is not None else ""


def _consequence(margin: Margin) -> str:
    if margin.kind is ThresholdKind.SOFT:
        grace = f" for {margin.grace_seconds:.0f} s" if margin.grace_seconds is not None else " for its grace period"
        return f"when that lasts{grace} the kubelet evicts a pod, with a grace period"
    return "the kubelet evicts one pod after the other, without grace period, until it is above; the eviction order says which"


def _cache(facts: NodeFacts, state: SignalState) -> str:
    """Of the node alone: MemAvailable says nothing of a cgroup at its limit, which anonymous memory can fill on an idle node."""
    percent = facts.available_percent
    if state.signal is not Signal.MEMORY_AVAILABLE or percent is None or facts.is_short:
        return ""
    return (
        f"; the kernel could still give {percent} % of the node (MemAvailable): the kubelet counts active page cache as used, so"
        " who reads much file data causes evictions that free nothing that was needed"
    )
