"""What an assessment means to a reader: two with the same fingerprint need no second write to the API.

Numbers that move with every sample are in it only by the quarter of the limit (without one, by the power of two) that they
stand in.
"""

from __future__ import annotations

from collections.abc import Hashable

from oomsight_operator.judgement.model import Assessment, ContainerAssessment


def fingerprint(assessment: Assessment) -> Hashable:
    """Level, reasons, kills, recommendation, policy, QoS class, oom_score_adj, and memory coarsely."""
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
        container.unknown_because,
        container.memory_limit_bytes,
        container.memory_request_bytes,
        container.live_oom_score_adj_min,
        container.live_oom_score_adj_max,
        container.expected_oom_score_adj,
        tuple(kill.identity for kill in container.kills),
        (found.limit_bytes, found.request_bytes) if found is not None else None,
        memory_bucket(container),
    )


def memory_bucket(container: ContainerAssessment) -> int | None:
    """Coarse unreclaimable memory: which quarter of the limit, or the power of two in bytes; None when it is unknown."""
    amount = container.row.memory.unreclaimable_bytes if container.row is not None else None
    if amount is None:
        return None
    limit = container.memory_limit_bytes
    return amount * 4 // limit if limit is not None and limit > 0 else amount.bit_length()
