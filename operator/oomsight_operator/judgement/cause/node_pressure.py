"""NodePressure: the node's memory ran out, not the container's limit.

Condition: the scope is the node (`global_oom` in the kernel's log), or the limit that was hit is of a cgroup above all pods
(kubepods, a QoS class, a slice), which the kubelet sets to the node's allocatable memory. No threshold. The reason told is how
much the container held above its request, since the kubelet derives the kernel's choice (oom_score_adj) from the request.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.names import Cause
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import is_above_pods, victim
from oomsight_operator.judgement.kills.model import Kill


def node_pressure(kill: Kill, context: KillContext) -> str | None:
    """Node-wide."""
    if kill.scope is not OomScope.NODE and not is_above_pods(kill, context):
        return None
    died = victim(kill, context)
    adj = f", oom_score_adj {died.oom_score_adj}" if died is not None and died.oom_score_adj is not None else ""
    used = kill.before.working_set_bytes if kill.before is not None else None
    request = context.request_bytes
    if request is None:
        return f"its own limit was not the reason{adj}"
    if used is None:
        return f"its own limit was not the reason (request {human_bytes(request)}{adj})"
    relation = "above" if used > request else "within"
    return f"its own limit was not the reason ({relation} its request {human_bytes(request)}{adj})"


RULE: Final = CauseRule(
    Cause.NODE_PRESSURE,
    node_pressure,
    when=("the node itself was out of memory, or the limit of a cgroup above the pod (kubepods, a QoS class) was hit."),
    meaning=(
        "The node (or the kubelet's share of it for all pods) had no memory left, and the kernel chose this container's"
        " process. Its own limit did not fire, and raising it changes nothing."
    ),
    todo=(
        "Look at what else runs on the node: containers without limits, or with requests far below what they use, and"
        " daemons outside Kubernetes. Set requests to what is really used, so that the scheduler spreads the pods and the"
        " kernel spares those within their request; reserve memory for the system (kubelet systemReserved, evictionHard)."
    ),
)
