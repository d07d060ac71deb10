"""OverRequest: the container uses more than it asked for, so that its pod is among the first to be evicted.

Source: the kubelet's eviction order (pkg/kubelet/eviction, rankMemoryPressure) takes pods whose working set is above their
request first. Condition: the working set, and the unreclaimable memory in it, are above the request. The second half keeps a
promise: page cache alone raises no risk, and the kernel frees cache before the kubelet evicts. Hysteresis: `hysteresisPercent`
below the request. Levels: low; medium while the node is short of memory (less than 10 % available). A container without a
request is over it with its first byte: that is said only while the node is short.
"""

from __future__ import annotations

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import format_percent


def over_request(subject: Subject) -> Finding | None:
    """Above the request by what cannot be reclaimed."""
    memory = subject.memory
    if not subject.running or memory.working_set_bytes is None or memory.unreclaimable_bytes is None:
        return None
    request = subject.spec.memory_request_bytes
    if request is None:
        request = subject.spec.memory_limit_bytes
    if not request:
        return _without_request(subject, memory.working_set_bytes, memory.unreclaimable_bytes)
    if not _above(subject, min(memory.working_set_bytes, memory.unreclaimable_bytes), request):
        return None
    sentence = (
        f"{subject.label}: working set {human_bytes(memory.working_set_bytes)} is"
        f" {format_percent(memory.working_set_bytes, request)} of its request {human_bytes(request)},"
        " so it is evicted early when the node runs short"
    )
    return Finding(RiskReason.OVER_REQUEST, _level(subject), sentence)


def _above(subject: Subject, used_bytes: int, request_bytes: int) -> bool:
    """More than the request; once above, until `hysteresisPercent` below it. A request that is the limit can never be exceeded."""
    if subject.limit_bytes is not None and request_bytes >= subject.limit_bytes:
        return False
    if subject.before(RiskReason.OVER_REQUEST) is RiskLevel.NONE:
        return used_bytes > request_bytes
    return used_bytes * 100 > request_bytes * (100 - subject.policy.hysteresis_percent)


def _without_request(subject: Subject, working_set_bytes: int, unreclaimable_bytes: int) -> Finding | None:
    if not subject.node_is_short or subject.pod_request_bytes or unreclaimable_bytes <= 0:
        return None
    sentence = f"{subject.label}: working set {human_bytes(working_set_bytes)} with no memory request"
    return Finding(RiskReason.OVER_REQUEST, _level(subject), f"{sentence}, evicted early while the node is short of memory")


def _level(subject: Subject) -> RiskLevel:
    return RiskLevel.MEDIUM if subject.node_is_short else RiskLevel.LOW
