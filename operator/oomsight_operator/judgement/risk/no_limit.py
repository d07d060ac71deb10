"""NoLimit: nothing but the node bounds the container.

Condition: it runs without a memory limit of its own or of its pod. Level: low, since a limit is a choice and not a duty; medium
while the node is short of memory (the policy's `risk.nodeAvailable.mediumPercent`), because then the container's growth kills
somebody.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.model import ContainerKind, Finding
from oomsight_operator.judgement.risk.rule import NODE_IS_SHORT, RiskRule
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
    if subject.node_shortage(RiskReason.NO_LIMIT) is not RiskLevel.NONE:
        return Finding(
            RiskReason.NO_LIMIT, RiskLevel.MEDIUM, f"{sentence}; {subject.node_available_percent} % of the node is available"
        )
    return Finding(RiskReason.NO_LIMIT, RiskLevel.LOW, sentence)


RULE: Final = RiskRule(
    RiskReason.NO_LIMIT,
    no_limit,
    when="a container runs without a memory limit of its own or of its pod (ephemeral containers cannot have one).",
    levels=(
        (RiskLevel.LOW, "the node has room: a limit is a choice, not a duty"),
        (RiskLevel.MEDIUM, NODE_IS_SHORT),
    ),
    meaning="Nothing but the node bounds it. If it leaks, the kernel or the kubelet chooses among all pods there.",
    todo="Set a limit with room above its peak. Without one, at least a request that covers what it uses.",
)
