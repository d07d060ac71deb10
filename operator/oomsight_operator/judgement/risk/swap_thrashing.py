"""SwapThrashing: memory of the container that was swapped out is needed again at once.

Source: refaults of anonymous pages (memory.stat `workingset_refault_anon`, kernel 5.9 on): swapped out, and needed again while they
still counted as recent. Thresholds: the policy's `risk.swapThrashing`. Measured on kernel 6.1: 80 MiB used at random within 48 MiB
gave 1,300 a second, and stalls in 18 % of the time. The node's swap traffic is no evidence for a container: where the container's
own rate is unknown nothing is said.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.finite import finite
from oomsight_operator.judgement.hysteresis import level_by_rate
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.at_limit import bound_reached
from oomsight_operator.judgement.risk.rule import DEFAULTS, RiskRule
from oomsight_operator.judgement.risk.subject import Subject


def swap_thrashing(subject: Subject) -> Finding | None:
    """The container's own refaults of anonymous pages."""
    rate = finite(subject.row.anon_refaults_per_second) if subject.row is not None else None
    if not subject.running or rate is None:
        return None
    thresholds = subject.policy.swap_thrashing
    level = level_by_rate(
        rate,
        ((RiskLevel.LOW, thresholds.low_pages_per_second), (RiskLevel.MEDIUM, thresholds.medium_pages_per_second)),
        subject.before(RiskReason.SWAP_THRASHING),
        subject.policy.hysteresis_percent,
    )
    if level is RiskLevel.NONE:
        return None
    swap, bound = subject.memory.swap_bytes, bound_reached(subject)
    held = f" (in swap now: {human_bytes(swap)})" if swap is not None else ""
    at = f", usage stands at {bound}" if bound is not None else ""
    sentence = f"{subject.label}: {int(rate)} swapped out pages a second are needed again{held}{at}"
    return Finding(RiskReason.SWAP_THRASHING, level, sentence)


_LEVELS: Final = DEFAULTS.swap_thrashing

RULE: Final = RiskRule(
    RiskReason.SWAP_THRASHING,
    swap_thrashing,
    when=(
        "anonymous memory of the container is swapped out and needed again at once (refaults of anonymous pages, kernel 5.9 on;"
        " the policy's `risk.swapThrashing`). The node's swap traffic counts for no container."
    ),
    levels=(
        (RiskLevel.LOW, f"from {_LEVELS.low_pages_per_second} pages a second on (`lowPagesPerSecond`)"),
        (RiskLevel.MEDIUM, f"from {_LEVELS.medium_pages_per_second} on (`mediumPagesPerSecond`)"),
    ),
    meaning=(
        "The program works on more memory than its limit or the node gives it, and swap hides that: it gets slow instead of being"
        " killed, until swap is full. Memory that lies in swap unused is no such sign, however much it is."
    ),
    todo=(
        "Where usage stands at its limit, raise the limit to what the program works on. Where the node is short, move pods away"
        " or raise requests. A program that must answer in time should not swap at all (Guaranteed pods do not, under the"
        " kubelet's LimitedSwap)."
    ),
)
