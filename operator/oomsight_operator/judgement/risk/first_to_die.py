"""FirstToDie: when the node's memory runs out, the kernel would kill a process of this container first.

Source: the kernel's arithmetic over the live oom_score_adj and sizes (judgement/kill_order). Somebody is first on every node at
every moment, so it is no risk while the node has room: it would put one pod of each healthy node at risk for nothing. Levels:
medium below the policy's `risk.nodeAvailable.mediumPercent` of available memory, high below its `highPercent`, held by its
`hysteresisPercent`. Nothing is said while available memory is unknown. Processes outside pods may die before: they are named, and
make no pod safe.

A Guaranteed pod is told also while the node has room, at level low: its owner was promised that others die first. Condition: it is
first of all processes of the node, those outside pods known and counted, beyond doubt, by 5 % of the node's memory and swap; once
told, until less than 2 % remain.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import QosClass, RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.kill_order.candidates import DEFAULT_PAGE_SIZE_BYTES, page_size
from oomsight_operator.judgement.kill_order.change import Margin, margin
from oomsight_operator.judgement.kill_order.model import Candidate, KillOrder
from oomsight_operator.judgement.kill_order.order import before_containers, first_containers
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.oom_score_adj import GUARANTEED_ADJ
from oomsight_operator.judgement.risk.rule import NODE_IS_SHORT, RiskRule
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import printable

CLEAR_LEAD_PERCENT = 5
HELD_LEAD_PERCENT = 2
"""Of the node's memory and swap."""


def first_to_die(subject: Subject) -> Finding | None:
    """Of the containers in the node's kill order this is the first, or among equals it may be."""
    order = subject.node.kill_order
    if not subject.running or subject.row is None or order is None:
        return None
    firsts = first_containers(order)
    first = next((each for each in firsts if each.container_id == subject.row.container_id), None)
    if first is None:
        return None
    level = subject.node_shortage(RiskReason.FIRST_TO_DIE)
    if level is RiskLevel.NONE:
        return _though_guaranteed(subject, order, first)
    sentence = (
        f"{subject.label}: of the containers on node {printable(subject.node.name)} the first to be killed if it runs out of"
        f" memory{_why(first)}{_equals(len(firsts) - 1)}{_after(before_containers(order))};"
        f" {subject.node_available_percent} % of its memory is available"
    )
    return Finding(RiskReason.FIRST_TO_DIE, level, sentence)


def lead(order: KillOrder) -> int:
    """How clearly a container is first of all on the node: 2 enough to tell a Guaranteed pod, 1 to go on telling it, 0 not."""
    gap = _lead(order)
    if gap is None:
        return 0
    return (gap.pages * 100 >= CLEAR_LEAD_PERCENT * order.domain.total_pages) + (
        gap.pages * 100 >= HELD_LEAD_PERCENT * order.domain.total_pages
    )


def _lead(order: KillOrder) -> Margin | None:
    """The margin of the first container; None where something else is first, or nobody can say who."""
    return None if not order.first or before_containers(order) else margin(order)


def _though_guaranteed(subject: Subject, order: KillOrder, first: Candidate) -> Finding | None:
    gap = _lead(order)
    told = subject.before(RiskReason.FIRST_TO_DIE) is not RiskLevel.NONE
    if subject.qos_class is not QosClass.GUARANTEED or not subject.node.host_processes_known:
        return None
    if gap is None or lead(order) < (1 if told else 2):
        return None
    page = page_size(subject.node.memory) if subject.node.memory is not None else DEFAULT_PAGE_SIZE_BYTES
    size, ahead = human_bytes(first.size_pages * page), human_bytes(gap.pages * page)
    if first.oom_score_adj > GUARANTEED_ADJ:
        why = (
            f"its process {printable(first.name, 64)} (pid {first.pid}, {size}) runs with oom_score_adj {first.oom_score_adj}, not"
            f" with its pod's {GUARANTEED_ADJ}, and is {ahead} ahead of the next; a process can raise its own: see what sets it"
        )
    else:
        why = (
            f"oom_score_adj {first.oom_score_adj} is weighed against size, and no other process comes near its {size}"
            f" ({ahead} ahead of the next); only less memory in one process changes that"
        )
    where = f"Guaranteed, and yet the first to be killed if node {printable(subject.node.name)} runs out of memory"
    return Finding(RiskReason.FIRST_TO_DIE, RiskLevel.LOW, f"{subject.label}: {where}: {why}")


def _equals(others: int) -> str:
    other = "another" if others == 1 else f"one of {others} others"
    return f", or {other} with as many points (ambiguous)" if others else ""


def _after(outside: tuple[Candidate, ...]) -> str:
    if not outside:
        return ""
    more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
    return f", after {printable(outside[0].name, 64)}{more} outside pods"


def _why(first: Candidate) -> str:
    return f" (oom_score_adj {first.oom_score_adj}, {human_bytes(first.rss_bytes)} resident)"


RULE: Final = RiskRule(
    RiskReason.FIRST_TO_DIE,
    first_to_die,
    when=(
        "the node is short of memory, and of its containers the kernel would kill a process of this one first (or, among equals,"
        " may): live oom_score_adj and sizes of all processes, in the kernel's own arithmetic. For a Guaranteed pod also while the"
        f" node has room, if it is first beyond doubt and by {CLEAR_LEAD_PERCENT} % of the node's memory and swap (once told, until"
        f" less than {HELD_LEAD_PERCENT} % remain)."
    ),
    levels=(
        (RiskLevel.LOW, "the node has room, but the pod is Guaranteed, and its owner was promised that others die first"),
        (RiskLevel.MEDIUM, NODE_IS_SHORT),
        (RiskLevel.HIGH, "less of it is available than the policy's `nodeAvailable.highPercent` (default 5)"),
    ),
    meaning=(
        "Somebody is first on every node at every moment, which is no risk while the node has room. When it has none, the next"
        " process that asks for memory, in any pod, costs this container one of its own. The whole order of a node, and what would"
        " change it: [kill-order.md](kill-order.md)."
    ),
    todo=(
        "Give it a memory request that covers what it uses: oom_score_adj falls with the request. Then see who fills the node: pods"
        " without limits, or that use far more than they asked for. A Guaranteed pod cannot ask for more protection: see which of"
        " its processes runs with another oom_score_adj than the pod's, or spread it over more pods."
    ),
)
