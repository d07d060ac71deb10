"""All conditions of a node, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from oomsight_operator.judgement.node_health.available_memory import available_memory
from oomsight_operator.judgement.node_health.condition import ConditionType, NodeCondition, Reason, Status
from oomsight_operator.judgement.node_health.eviction_margin import eviction_margin
from oomsight_operator.judgement.node_health.facts import NodeFacts
from oomsight_operator.judgement.node_health.oom_settings import oom_kill_allocating_task, panic_on_oom
from oomsight_operator.judgement.node_health.overcommit import overcommit
from oomsight_operator.judgement.node_health.stalls import stalls
from oomsight_operator.judgement.node_health.swap import swap

RULES: Final[tuple[Callable[[NodeFacts], NodeCondition], ...]] = (
    available_memory,
    stalls,
    swap,
    eviction_margin,
    overcommit,
    panic_on_oom,
    oom_kill_allocating_task,
)


def node_conditions(facts: NodeFacts) -> tuple[NodeCondition, ...]:
    """One of each type."""
    return tuple(rule(facts) for rule in RULES)


def unknown_conditions(because: str) -> tuple[NodeCondition, ...]:
    """Those of a node whose agent is silent."""
    return tuple(NodeCondition(each, Status.UNKNOWN, Reason.NOT_REPORTED, f"unknown: {because}") for each in ConditionType)
