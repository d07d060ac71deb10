"""NoRequest: the container uses memory that it never asked for.

Condition: no memory request of its own or at pod level, and a limit would be one (the API server takes it for the request), while
it holds at least 1 MiB that cannot be reclaimed: less than that is a program that only waits, like a pod's sandbox (a choice). Once
advised, while it holds anything. Init containers end, and ephemeral ones cannot ask.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Advice
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.advice.context import AdviceContext, AdviceRule
from oomsight_operator.judgement.model import ContainerKind
from oomsight_operator.judgement.rounding import MEBIBYTE

LEAST_BYTES: Final = MEBIBYTE


def no_request(context: AdviceContext) -> str | None:
    """Uses memory without a request."""
    subject = context.subject
    asked = subject.spec.memory_request_bytes or subject.spec.memory_limit_bytes or context.pod_level_request_bytes
    if asked or subject.pod_limit_bytes or subject.spec.kind in {ContainerKind.INIT, ContainerKind.EPHEMERAL}:
        return None
    held = subject.memory.unreclaimable_bytes
    if held is None or held < (1 if Advice.NO_REQUEST in context.given else LEAST_BYTES):
        return None
    peak = context.peak_working_set_bytes
    highest = f" (highest working set seen: {human_bytes(peak)})" if peak is not None else ""
    return (
        f"{subject.label}: no memory request, though it holds {human_bytes(held)} unreclaimable: the scheduler counts on nothing,"
        " and when the node runs short it is among the first to be evicted and killed. Set a request that covers what it"
        f" uses{highest}"
    )


RULE: Final = AdviceRule(
    Advice.NO_REQUEST,
    no_request,
    when=(
        "a container (not an init or ephemeral one) has no memory request, nor has its pod as such, and it holds at least"
        f" {human_bytes(LEAST_BYTES)} that cannot be reclaimed."
    ),
    meaning=(
        "The scheduler takes the container for one that needs nothing and packs the node accordingly. When the node runs short,"
        " the kubelet evicts what is above its request first, which is from the first byte on, and the kernel's oom_score_adj is"
        " at its highest."
    ),
    todo="Set a memory request near the highest working set. A limit alone does, too: the API server takes it for the request.",
)
