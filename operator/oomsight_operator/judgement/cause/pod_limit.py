"""PodLimit: the limit of the whole pod fired, in a pod of several containers.

Condition: the scope is the pod, and the container is not alone in it. In a pod of one container the pod's limit often fires
first, since it is the same number and the sandbox is charged to it as well (measured); what filled it then is the container,
and the other rules say why. Where it is not known whether the container is alone, equal limits count as alone. No threshold.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.names import Cause
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.cause.account import container_name
from oomsight_operator.judgement.cause.context import CauseRule, KillContext
from oomsight_operator.judgement.cause.evidence import limit_at_kill, own_limit
from oomsight_operator.judgement.kills.model import Kill

MOST_TOLD = 2
"""Of the containers that filled it, for the length of the sentence (a choice)."""


def pod_limit(kill: Kill, context: KillContext) -> str | None:
    """The pod's limit, filled by several containers."""
    if kill.scope is not OomScope.POD or context.alone_in_pod:
        return None
    own = own_limit(kill)
    if context.alone_in_pod is None and own is not None and own == limit_at_kill(kill, context):
        return None
    trigger = context.incident.trigger if context.incident is not None else None
    by = ""
    if trigger is not None and trigger.container_name is not None and trigger.container_name != context.container_name:
        by = f", hit by container {container_name(trigger.container_name)}"
    return f"that is the limit of all containers of the pod together{by}{_biggest(context)}"


def _biggest(context: KillContext) -> str:
    held = [
        (size, name)
        for name, row in context.pod_rows.items()
        if (size := row.memory.unreclaimable_bytes if row.memory.unreclaimable_bytes is not None else row.memory.usage_bytes)
    ]
    biggest = sorted(held, key=lambda one: (-one[0], one[1]))[:MOST_TOLD]
    told = ", ".join(f"{container_name(name)} {human_bytes(size)}" for size, name in biggest)
    return f" (last known: {told})" if told else ""


RULE: Final = CauseRule(
    Cause.POD_LIMIT,
    pod_limit,
    when=(
        "the limit of the pod was hit, and the pod has several containers. In a pod of one container the causes below are judged"
        " instead."
    ),
    meaning=(
        "The limit of the pod as a whole fired while this container may have been well below its own. Whoever has the"
        " highest score dies, which need not be the container that filled the pod; one kill is often followed by the next."
    ),
    todo=(
        "Look at the biggest containers of the pod first. Raise the pod-level limit (spec.resources), or give the"
        " container that grew a limit of its own, so that it pays for its own growth. Memory of the pod's emptyDir with"
        " medium Memory counts too."
    ),
)
