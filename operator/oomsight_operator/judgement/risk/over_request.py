"""OverRequest: the container uses more than it asked for, and so does its pod, which is then among the first to be evicted.

Source: the kubelet's eviction order (pkg/kubelet/eviction/helpers.go, rankMemoryPressure) takes pods first whose working set is
above their request; a container above its own in a pod that is below gains nothing by it. Critical pods are never evicted
(eviction_manager.go). Condition: the working set, and the unreclaimable memory in it, are above the request, for the container and
for the pod. The second half keeps a promise: page cache alone raises no risk, and the kernel frees cache before the kubelet evicts.
Hysteresis: `hysteresisPercent` below the request. Levels: low; medium while the node is short of memory (the policy's
`risk.nodeAvailable.mediumPercent`). A container without a request is over it with its first byte: that is said only while the
node is short.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_api.report import Memory
from oomsight_operator.judgement.model import ContainerKind, Finding
from oomsight_operator.judgement.risk.rule import NODE_IS_SHORT, RiskRule
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import format_percent


def over_request(subject: Subject) -> Finding | None:
    """Above the request by what cannot be reclaimed."""
    memory = subject.memory
    used = _held(memory)
    if not subject.running or subject.never_evicted or memory.working_set_bytes is None or used is None:
        return None
    request = subject.spec.memory_request_bytes
    if request is None:
        request = subject.spec.memory_limit_bytes
    if not _above(subject, max(used, _held_by_pod(subject) or 0), subject.pod_request_bytes or 0):
        return None
    if not request:
        return _without_request(subject, memory.working_set_bytes)
    if (subject.limit_bytes is not None and request >= subject.limit_bytes) or not _above(subject, used, request):
        return None  # A request that is the limit can never be exceeded.
    sentence = (
        f"{subject.label}: working set {human_bytes(memory.working_set_bytes)} is"
        f" {format_percent(memory.working_set_bytes, request)} of its request {human_bytes(request)},"
        " so its pod is evicted early when the node runs short of memory"
    )
    return Finding(RiskReason.OVER_REQUEST, _level(subject), sentence)


def _held(memory: Memory) -> int | None:
    """What of the working set cannot be reclaimed."""
    if memory.working_set_bytes is None or memory.unreclaimable_bytes is None:
        return None
    return min(memory.working_set_bytes, memory.unreclaimable_bytes)


def _held_by_pod(subject: Subject) -> int | None:
    """The same of the pod's own cgroup; None where the agent does not tell."""
    return _held(subject.pod_row.memory) if subject.pod_row is not None else None


def _above(subject: Subject, used_bytes: int, request_bytes: int) -> bool:
    """More than the request; once above, until `hysteresisPercent` below it."""
    if subject.before(RiskReason.OVER_REQUEST) is RiskLevel.NONE:
        return used_bytes > request_bytes
    return used_bytes * 100 > request_bytes * (100 - subject.policy.hysteresis_percent)


def _without_request(subject: Subject, working_set_bytes: int) -> Finding | None:
    if not _node_is_short(subject) or subject.spec.kind is ContainerKind.EPHEMERAL:
        return None  # An ephemeral container cannot ask for anything.
    sentence = f"{subject.label}: working set {human_bytes(working_set_bytes)} with no memory request"
    return Finding(RiskReason.OVER_REQUEST, _level(subject), f"{sentence}, evicted early while the node is short of memory")


def _level(subject: Subject) -> RiskLevel:
    return RiskLevel.MEDIUM if _node_is_short(subject) else RiskLevel.LOW


def _node_is_short(subject: Subject) -> bool:
    return subject.node_shortage(RiskReason.OVER_REQUEST) is not RiskLevel.NONE


RULE: Final = RiskRule(
    RiskReason.OVER_REQUEST,
    over_request,
    when=(
        "the working set, and what of it cannot be reclaimed, are above the memory request, for the container and for its pod as a"
        " whole. A container without a request is over it with its first byte: that is said only while the node is short of memory."
        " Never said of critical pods, which are not evicted."
    ),
    levels=(
        (RiskLevel.LOW, "the node has room"),
        (RiskLevel.MEDIUM, NODE_IS_SHORT),
    ),
    meaning=(
        "The scheduler counted on less than is used. When the node runs short the kubelet evicts pods above their request first,"
        " and the kernel kills there first, since oom_score_adj follows the request."
    ),
    todo="Raise the request to what is really used (oomsight recommends one). It costs nothing but an honest place on a node.",
)
