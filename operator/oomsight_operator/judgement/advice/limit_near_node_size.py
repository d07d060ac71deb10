"""LimitNearNodeSize: the node runs out before the limit is reached.

Condition: the limit in force (else the pod's own) is at least 90 % of what the node can allocate to pods; where that is unknown, of
its memory, and the sentence says which. Threshold: a choice; the daemons that run on every node take the rest. Once advised, until
below 85 %.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Advice
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.advice.context import AdviceContext, AdviceRule
from oomsight_operator.judgement.words import format_percent, printable

NEAR_PERCENT: Final = 90
HELD_PERCENT: Final = 85


def limit_near_node_size(context: AdviceContext) -> str | None:
    """A limit of the container or its pod against the node's size."""
    subject = context.subject
    whose, limit = "limit", subject.limit_bytes
    if limit is None:
        whose, limit = "its pod's limit", subject.pod_limit_bytes
    node = subject.node
    size, what = node.allocatable_bytes, "can allocate to pods"
    if size is None and node.memory is not None:
        size, what = node.memory.total_bytes, "has in all (what it can allocate to pods is unknown)"
    least = HELD_PERCENT if Advice.LIMIT_NEAR_NODE_SIZE in context.given else NEAR_PERCENT
    if limit is None or limit <= 0 or size is None or size <= 0 or limit * 100 < size * least:
        return None
    return (
        f"{subject.label}: {whose} {human_bytes(limit)} is {format_percent(limit, size)} of the {human_bytes(size)} that node"
        f" {printable(node.name)} {what}: before it is reached the node runs out, and then the kernel chooses among all pods"
        " there. Lower the limit, or use a bigger node"
    )


RULE: Final = AdviceRule(
    Advice.LIMIT_NEAR_NODE_SIZE,
    limit_near_node_size,
    when=(
        f"the limit (without one, the pod's own) is at least {NEAR_PERCENT} % of the node's allocatable memory ({HELD_PERCENT} %"
        " once it was advised); where that is unknown, of the node's memory."
    ),
    meaning=(
        "Such a limit bounds nothing: system daemons, the DaemonSets and the other pods need the rest, so the node runs out of"
        " memory first. Then it is not this container alone that is at stake."
    ),
    todo=(
        "Lower the limit to what the container needs, with room (oomsight recommends one). If it needs so much, give it a bigger"
        " node, of its own (taints, node affinity)."
    ),
)
