"""MemoryPressure: the container's tasks stand still for want of memory.

Source: pressure stall information (Documentation/accounting/psi.rst), `full avg60`: the share of the last minute in which every
task that could run waited for memory, be it in reclaim, for swap, or for cache that was dropped and is needed again. On cgroup v2
it is the container's own, whoever's shortage it is; the sentence says what is known of that. Thresholds: the policy's
`risk.memoryPressure`.

Cgroup v1 gives a container none. The node's then says that somebody waits, not who: it counts only for a container near its own
limit or on a node short of memory, and for no more than low.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import Pressure
from oomsight_operator.judgement.finite import finite
from oomsight_operator.judgement.hysteresis import level_by_thresholds
from oomsight_operator.judgement.model import Finding
from oomsight_operator.judgement.risk.at_limit import bound_reached
from oomsight_operator.judgement.risk.near_limit import grade
from oomsight_operator.judgement.risk.rule import DEFAULTS, RiskRule
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.words import format_percent, printable


def memory_pressure(subject: Subject) -> Finding | None:
    """By the container's own pressure, else by the node's where that can be this container's."""
    if not subject.running or subject.row is None:
        return None
    own = _full(subject.row.pressure)
    return _by_own(subject, own) if own is not None else _by_node(subject)


def _by_own(subject: Subject, percent: float) -> Finding | None:
    thresholds = subject.policy.memory_pressure
    level = _level(
        subject,
        percent,
        (
            (RiskLevel.LOW, thresholds.low_percent),
            (RiskLevel.MEDIUM, thresholds.medium_percent),
            (RiskLevel.HIGH, thresholds.high_percent),
        ),
    )
    if level is RiskLevel.NONE:
        return None
    sentence = f"{subject.label}: all of its tasks waited for memory in {int(percent)} % of the last minute (PSI full)"
    return Finding(RiskReason.MEMORY_PRESSURE, level, f"{sentence}{_why(subject)}")


def _by_node(subject: Subject) -> Finding | None:
    percent = _full(subject.node.memory.pressure) if subject.node.memory is not None else None
    if (
        percent is None
        or _level(subject, percent, ((RiskLevel.LOW, subject.policy.memory_pressure.low_percent),)) is RiskLevel.NONE
    ):
        return None
    why = _near_its_limit(subject) or _node_is_short(subject)
    if not why:
        return None
    sentence = (
        f"{subject.label}: all tasks of node {printable(subject.node.name)} waited for memory in {int(percent)} % of the last"
        f" minute (PSI full of the node; this container's own part is unknown){why}"
    )
    return Finding(RiskReason.MEMORY_PRESSURE, RiskLevel.LOW, sentence)


def _full(pressure: Pressure | None) -> float | None:
    return finite(pressure.full_avg60, 100.0) if pressure is not None else None


def _level(subject: Subject, percent: float, thresholds: tuple[tuple[RiskLevel, int], ...]) -> RiskLevel:
    return level_by_thresholds(
        percent, 100, thresholds, subject.before(RiskReason.MEMORY_PRESSURE), subject.policy.hysteresis_percent
    )


def _why(subject: Subject) -> str:
    bound = bound_reached(subject)
    return f", usage stands at {bound}" if bound is not None else _node_is_short(subject)


def _near_its_limit(subject: Subject) -> str:
    unreclaimable, limit = subject.memory.unreclaimable_bytes, subject.limit_bytes
    if limit is None or limit <= 0 or unreclaimable is None:
        return ""
    if grade(unreclaimable, limit, subject.policy, subject.before(RiskReason.NEAR_LIMIT)) is RiskLevel.NONE:
        return ""
    return f", and it is near its limit: {format_percent(unreclaimable, limit)} unreclaimable"


def _node_is_short(subject: Subject) -> str:
    if subject.node_shortage(RiskReason.MEMORY_PRESSURE) is RiskLevel.NONE:
        return ""
    return f", and the node is short: {subject.node_available_percent} % of its memory is available"


_LEVELS: Final = DEFAULTS.memory_pressure

RULE: Final = RiskRule(
    RiskReason.MEMORY_PRESSURE,
    memory_pressure,
    when=(
        "all tasks of the container waited for memory in a share of the last minute (PSI `full avg60` of its own cgroup, cgroup"
        " v2). Where the kernel gives a container no pressure of its own (cgroup v1), the node's counts for one that is near its"
        " limit, or on a node short of memory, as low at most. Thresholds: the policy's `risk.memoryPressure`."
    ),
    levels=(
        (RiskLevel.LOW, f"from {_LEVELS.low_percent} % of the time on (`lowPercent`); the node's pressure gives no more"),
        (RiskLevel.MEDIUM, f"from {_LEVELS.medium_percent} % on (`mediumPercent`)"),
        (RiskLevel.HIGH, f"from {_LEVELS.high_percent} % on (`highPercent`)"),
    ),
    meaning=(
        "The program does no work in that time: it waits until the kernel has found memory for it, has read dropped cache again,"
        " or has fetched pages from swap. Requests time out long before anything is killed, and a kill often follows. Low free"
        " memory or a full page cache alone gives no pressure."
    ),
    todo=(
        "Look at what the sentence names. At its own limit: raise the limit, or let the program need less. On a node short of"
        " memory: see who fills the node, and give this pod a request that covers what it uses. With neither: look at swap"
        " (SwapThrashing) and at memory.high."
    ),
)
