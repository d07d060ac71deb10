"""NoLimit: nothing but the node bounds the container.

Condition: it runs without a memory limit of its own or of its pod. Level: low, since a limit is a choice and not a duty; medium
while the node is short of memory (less than 10 % available), because then the container's growth kills somebody.
"""

from __future__ import annotations

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import ContainerKind, Finding
from oomsight_operator.judgement.risk.subject import Subject


def no_limit(subject: Subject) -> Finding | None:
    """A running container that the kernel lets grow up to the node's memory."""
    if subject.spec.kind is ContainerKind.EPHEMERAL:
        return None  # It cannot have one.
    if not subject.running or subject.limit_bytes is not None or subject.pod_limit_bytes is not None:
        return None
    unreclaimable = subject.memory.unreclaimable_bytes
    uses = f" (unreclaimable now {human_bytes(unreclaimable)})" if unreclaimable is not None else ""
    sentence = f"{subject.label}: no memory limit, it can grow until the node runs out{uses}"
    if subject.node_is_short:
        return Finding(
            RiskReason.NO_LIMIT, RiskLevel.MEDIUM, f"{sentence}; {subject.node_available_percent} % of the node is available"
        )
    return Finding(RiskReason.NO_LIMIT, RiskLevel.LOW, sentence)
