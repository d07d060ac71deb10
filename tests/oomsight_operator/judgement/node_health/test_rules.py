from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.node_health.nodes import node

from oomsight_api.report import Cgroup, Memory, NodeMemory, Pressure
from oomsight_operator.judgement.eviction.settings import EvictionSettings, Threshold, assumed
from oomsight_operator.judgement.eviction.signals import memory_signals
from oomsight_operator.judgement.node_health.condition import ConditionType, Reason, Status
from oomsight_operator.judgement.node_health.facts import NodeFacts
from oomsight_operator.judgement.node_health.rules import node_conditions, unknown_conditions

amounts = st.none() | st.integers(0, 2**63 - 1)
numbers = st.none() | st.floats()
pressures = st.none() | st.builds(Pressure, some_avg60=numbers, full_avg60=numbers)
memories = st.builds(
    NodeMemory,
    total_bytes=amounts,
    available_bytes=amounts,
    free_bytes=amounts,
    swap_total_bytes=amounts,
    swap_free_bytes=amounts,
    pressure=pressures,
    swap_in_pages_per_second=numbers,
    swap_out_pages_per_second=numbers,
    swappiness=amounts,
    overcommit_memory=amounts,
    overcommit_ratio=amounts,
    panic_on_oom=amounts,
    oom_kill_allocating_task=amounts,
)
settings = st.sampled_from((EvictionSettings(Threshold(1)), EvictionSettings(None), assumed("nobody asked")))


@given(memories, amounts, settings, st.none() | st.booleans())
def test_whatever_an_agent_says_each_condition_is_answered_once_in_readable_words(
    memory: NodeMemory, working_set: int | None, thresholds: EvictionSettings, pressure: bool | None
) -> None:
    root = Cgroup(cgroup="/", memory=Memory(working_set_bytes=working_set))
    signals = memory_signals(memory, (root,), thresholds)
    found = node_conditions(NodeFacts(memory, signals, thresholds.assumed_because, pressure))
    assert [each.type for each in found] == list(ConditionType)
    for each in found:
        assert each.message.isascii()
        assert each.message.isprintable()
        assert len(each.message) < 800
        assert (each.status is Status.UNKNOWN) == (each.reason is Reason.NOT_REPORTED)


def test_a_healthy_node_has_no_condition_that_is_true() -> None:
    assert {each.status for each in node_conditions(node())} == {Status.FALSE}


def test_a_node_that_tells_nothing_is_unknown_in_everything() -> None:
    assert {each.status for each in node_conditions(NodeFacts(NodeMemory()))} == {Status.UNKNOWN}
    silent = unknown_conditions("its agent is silent")
    assert [(each.status, each.message) for each in silent] == [(Status.UNKNOWN, "unknown: its agent is silent")] * len(
        ConditionType
    )
