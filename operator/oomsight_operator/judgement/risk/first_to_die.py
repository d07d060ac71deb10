"""FirstToDie: the node is short of memory, and of its containers the kernel would kill a process of this one first.

Source: the kernel's arithmetic over the live oom_score_adj and sizes (judgement/kill_order.py). Somebody is first on every node at
every moment, so it is no risk while the node has room: it would put one pod of each healthy node at risk for nothing. Levels:
medium below 10 % of available memory, high below 5 %. Nothing is said while available memory is unknown.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.kill_order import first_of
from oomsight_operator.judgement.model import Finding, KillCandidate
from oomsight_operator.judgement.risk.rule import RiskRule
from oomsight_operator.judgement.risk.subject import CRITICAL_AVAILABLE_PERCENT, PRESSED_AVAILABLE_PERCENT, Subject
from oomsight_operator.judgement.words import printable


def first_to_die(subject: Subject) -> Finding | None:
    """The head of the node's kill order is this container, or among equals it may be."""
    if not subject.running or subject.row is None or not subject.node.kill_order:
        return None
    firsts = first_of(subject.node.kill_order)
    first = next((each for each in firsts if each.container_id == subject.row.container_id), None)
    if first is None:
        return None
    available = subject.node_available_percent
    if available is None or available >= PRESSED_AVAILABLE_PERCENT:
        return None
    level = RiskLevel.HIGH if available < CRITICAL_AVAILABLE_PERCENT else RiskLevel.MEDIUM
    sentence = (
        f"{subject.label}: of the containers on node {printable(subject.node.name)} the first to be killed if it runs out of"
        f" memory{_why(first)}{_equals(len(firsts) - 1)}; {available} % of its memory is available"
    )
    return Finding(RiskReason.FIRST_TO_DIE, level, sentence)


def _equals(others: int) -> str:
    other = "another" if others == 1 else f"one of {others} others"
    return f", or {other} with as many points (ambiguous)" if others else ""


def _why(first: KillCandidate) -> str:
    parts = []
    if first.oom_score_adj is not None:
        parts.append(f"oom_score_adj {first.oom_score_adj}")
    if first.rss_bytes is not None:
        parts.append(f"{human_bytes(first.rss_bytes)} resident")
    return f" ({', '.join(parts)})" if parts else ""


RULE: Final = RiskRule(
    RiskReason.FIRST_TO_DIE,
    first_to_die,
    when=(
        "the node is short of memory, and of its containers the kernel would kill a process of this one first (or, among equals,"
        " may): live oom_score_adj and sizes of all processes, in the kernel's own arithmetic."
    ),
    levels=(
        (RiskLevel.MEDIUM, f"less than {PRESSED_AVAILABLE_PERCENT} % of the node's memory is available"),
        (RiskLevel.HIGH, f"less than {CRITICAL_AVAILABLE_PERCENT} %"),
    ),
    meaning=(
        "Somebody is first on every node at every moment, which is no risk while the node has room. Now it is: the next process"
        " that asks for memory, in any pod, costs this container one of its own."
    ),
    todo=(
        "Give it a memory request that covers what it uses: oom_score_adj falls with the request. Then see who fills the node: pods"
        " without limits, or that use far more than they asked for."
    ),
)
