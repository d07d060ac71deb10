"""UnboundedSwap: the container lies in swap, and nothing bounds how much.

Evidence: on the mean of about the last hour, and ten minutes at least, 16 MiB or more in swap (a choice: less is some pages that a
program never touches again); once advised, until half of that. The kernel says of its cgroup and of its pod's that nothing bounds
their swap: a bound that could not be read is unknown, and no reason for advice. The kubelet's LimitedSwap sets one, so this is a
kubelet with another setting, or cgroup v1.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import Advice
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.advice.context import AdviceContext, AdviceRule
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.rounding import MEBIBYTE
from oomsight_operator.judgement.words import printable

LEAST_BYTES: Final = 16 * MEBIBYTE
SUSTAINED_SECONDS: Final = 600.0


def unbounded_swap(context: AdviceContext) -> str | None:
    """A material amount of swap in use, and known to be without a bound."""
    subject, mean = context.subject, context.usual.swap_bytes
    least = LEAST_BYTES // 2 if Advice.UNBOUNDED_SWAP in context.given else LEAST_BYTES
    if mean is None or not mean.at_least(SUSTAINED_SECONDS) or mean.value < least or not is_unbounded(subject):
        return None
    return (
        f"{subject.label}: {human_bytes(int(mean.value))} of it lies in swap (mean of about an hour), and nothing bounds that: if"
        f" it grows it takes the swap of node {printable(subject.node.name)} from all others, gets slow, and its limit stops it"
        " late. Use the kubelet's LimitedSwap, or no swap for pods"
    )


def is_unbounded(subject: Subject) -> bool:
    """Whether it is known that neither its cgroup nor its pod's has a bound on swap."""
    return subject.memory.swap_unlimited is True and subject.pod_row is not None and subject.pod_row.memory.swap_unlimited is True


RULE: Final = AdviceRule(
    Advice.UNBOUNDED_SWAP,
    unbounded_swap,
    when=(
        f"on the mean of about the last hour, and for ten minutes at least, {human_bytes(LEAST_BYTES)} or more of the container"
        " lie in swap (half of that once it was advised), and neither its cgroup nor its pod's has a bound on swap."
    ),
    meaning=(
        "With unbounded swap a leak does not end at the limit: it goes on on the disk, slows down the whole node, and ends when"
        " swap is full, with a kill of whoever is largest."
    ),
    todo=(
        "Set the kubelet's memorySwap.swapBehavior to LimitedSwap (cgroup v2: each Burstable container gets its share) or NoSwap."
        " Where pods run outside the kubelet's control, set memory.swap.max."
    ),
)
