from __future__ import annotations

from oomsight_api.report import Container, NodeMemory, Process
from oomsight_operator.node_contexts import NodeContexts, Shift
from oomsight_operator.polling.telemetry import NodeTelemetry

MIB = 1 << 20


def node(version: int, available_percent: int | None = 50, **rss_mib: int) -> NodeTelemetry:
    rows = {
        name: Container(
            pod_uid=f"pod-{name}",
            container_id=name,
            cgroup="/c",
            processes=(Process(pid=1, name="app", oom_score_adj=0, rss_bytes=mib * MIB, swap_bytes=0, page_tables_bytes=0),),
        )
        for name, mib in rss_mib.items()
    }
    available = None if available_percent is None else available_percent * 10 * MIB
    memory = NodeMemory(total_bytes=1000 * MIB, available_bytes=available, swap_total_bytes=0, page_size_bytes=4096)
    return NodeTelemetry("node-a", "i1", 0.0, memory=memory, containers=rows, version=version)


def test_the_kill_order_is_computed_once_a_report() -> None:
    contexts = NodeContexts()
    first = contexts.get(node(1, a=10, b=20))
    assert [each.container_id for each in first.kill_order] == ["b", "a"]
    assert contexts.get(node(1, a=10, b=20)) is first
    assert contexts.get(node(2, a=30, b=20)).kill_order[0].container_id == "a"


def test_whoever_becomes_or_ceases_to_be_first_is_named() -> None:
    contexts = NodeContexts()
    contexts.update(node(1, a=10, b=20))
    assert contexts.update(node(2, a=30, b=20)) == Shift(cgroup_uids=frozenset({"pod-a", "pod-b"}))
    assert contexts.update(node(3, a=31, b=20)) is None


def test_crossing_a_threshold_of_available_memory_concerns_the_whole_node() -> None:
    contexts = NodeContexts()
    assert contexts.update(node(1, 50, a=1)) == Shift(whole_node=True)
    assert contexts.update(node(2, 20, a=1)) is None
    assert contexts.update(node(3, 9, a=1)) == Shift(whole_node=True)
    assert contexts.update(node(4, 8, a=1)) is None
    assert contexts.update(node(5, 4, a=1)) == Shift(whole_node=True)
    assert contexts.update(node(6, None, a=1)) == Shift(whole_node=True)


def test_what_the_node_can_allocate_is_told_and_its_change_concerns_the_whole_node() -> None:
    allocatable: dict[str, int] = {}
    contexts = NodeContexts(allocatable.get)
    assert contexts.get(node(1, a=1)).allocatable_bytes is None
    allocatable["node-a"] = 900 * MIB
    assert contexts.update(node(1, a=1)) == Shift(whole_node=True)
    assert contexts.get(node(1, a=1)).allocatable_bytes == 900 * MIB
    assert contexts.update(node(1, a=1)) is None
