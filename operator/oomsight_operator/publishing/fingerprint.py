"""What an assessment means to a reader: two with the same fingerprint need no second write to the API.

Numbers that move with every sample are in it only by the quarter of the limit (without one, by the power of two) that they
stand in. A forecast is in it by the level that LeakSuspected has: a new time to the limit alone is no news.
"""

from __future__ import annotations

from collections.abc import Hashable

from oomsight_api.names import Cause
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import Assessment, ContainerAssessment


def fingerprint(assessment: Assessment) -> Hashable:
    """Level, reasons, advice, kills, recommendation, policy, QoS class, oom_score_adj, and memory coarsely."""
    return (
        assessment.level,
        assessment.reasons,
        assessment.policy.ref,
        assessment.qos_class,
        tuple(_container(container) for container in assessment.containers),
    )


def _container(container: ContainerAssessment) -> Hashable:
    found = container.recommendation
    return (
        container.name,
        container.level,
        tuple((finding.reason, finding.level) for finding in container.findings),
        tuple(given.advice for given in container.advice),
        container.unknown_because,
        container.memory_limit_bytes,
        container.memory_request_bytes,
        container.live_oom_score_adj_min,
        container.live_oom_score_adj_max,
        container.expected_oom_score_adj,
        tuple((kill.identity, kill.ended_container, kill.processes, *_known_of(kill)) for kill in container.kills),
        (found.limit_bytes, found.request_bytes) if found is not None else None,
        memory_bucket(container),
    )


def facts_of_kills(assessment: Assessment) -> int:
    """How much is known of the pod's kills; rises when the kernel's log, or the kubelet, adds to what was told before."""
    return sum(sum(fact is not None for fact in _known_of(kill)) for container in assessment.containers for kill in container.kills)


def _known_of(kill: Kill) -> tuple[Hashable, ...]:
    """What may become known of a kill after its first telling; an unknown cause is none."""
    cause = kill.cause.cause if kill.cause is not None and kill.cause.cause is not Cause.UNKNOWN else None
    log = kill.source if kill.source is KillSource.KERNEL_LOG else None
    return (kill.scope, cause, log, kill.victim_name, kill.victim_pid, kill.exit_code, kill.container_ended)


def memory_bucket(container: ContainerAssessment) -> int | None:
    """Coarse unreclaimable memory: which quarter of the limit, or the power of two in bytes; None when it is unknown."""
    amount = container.row.memory.unreclaimable_bytes if container.row is not None else None
    if amount is None:
        return None
    limit = container.memory_limit_bytes
    return amount * 4 // limit if limit is not None and limit > 0 else amount.bit_length()
