"""The node around a pod is computed once a report, and a change of it concerns as few pods as it can."""

from __future__ import annotations

from typing import Any

from oomsight_api.policy import ClusterMemoryPolicySpec, MemoryPolicySpec
from oomsight_api.report import Container, NodeMemory, Process
from oomsight_operator.engine.node_contexts import KEPT_PROCESSES, NodeContexts, Shift, shortness_edges
from oomsight_operator.judgement.kill_order.model import KillOrder
from oomsight_operator.judgement.model import PolicyRef
from oomsight_operator.judgement.precedence import PolicyRecord
from oomsight_operator.polling.telemetry import NodeTelemetry

MIB = 1 << 20


def process(pid: int, mib: int, adj: int = 0) -> Process:
    return Process(pid=pid, name="app", oom_score_adj=adj, rss_bytes=mib * MIB, swap_bytes=0, page_tables_bytes=0)


def node(
    version: int, available_percent: int | None = 50, *, settings: dict[str, Any] | None = None, **rss_mib: int
) -> NodeTelemetry:
    rows = {
        name: Container(pod_uid=f"pod-{name}", container_id=name, cgroup="/c", processes=(process(7, mib),))
        for name, mib in rss_mib.items()
    }
    available = None if available_percent is None else available_percent * 10 * MIB
    given = {"total_bytes": 1000 * MIB, "swap_total_bytes": 0, "page_size_bytes": 4096, "signed_badness": True, **(settings or {})}
    return NodeTelemetry(
        "node-a", "i1", 0.0, memory=NodeMemory(available_bytes=available, **given), containers=rows, version=version
    )


def container_ids(order: KillOrder | None) -> list[str | None]:
    return [] if order is None else [each.candidate.container_id for each in order.ranked]


def policy(name: str, spec: MemoryPolicySpec | ClusterMemoryPolicySpec) -> PolicyRecord:
    return PolicyRecord(PolicyRef("MemoryPolicy", name, "team-a"), spec, name, 0.0, 1)


def test_the_kill_order_is_computed_once_a_report() -> None:
    contexts = NodeContexts()
    first = contexts.get(node(1, a=10, b=20))
    assert container_ids(first.kill_order) == ["b", "a"]
    assert contexts.get(node(1, a=10, b=20)) is first
    assert container_ids(contexts.get(node(2, a=30, b=20)).kill_order) == ["a", "b"]


def test_whoever_may_be_first_is_kept_however_many_there_are() -> None:
    many: dict[str, Any] = {f"c{n}": 1 + n for n in range(200)}
    order = NodeContexts().get(node(1, **many)).kill_order
    assert order is not None
    assert len(order.ranked) == KEPT_PROCESSES
    assert [each.container_id for each in order.first] == ["c199"]

    alike: dict[str, Any] = dict.fromkeys(many, 5)
    equal = NodeContexts().get(node(1, **alike)).kill_order
    assert equal is not None
    assert len(equal.first) == 200


def test_processes_outside_pods_take_part_and_an_old_kernel_is_known_as_one() -> None:
    contexts = NodeContexts()
    told = node(1, a=10, settings={"signed_badness": False})
    told.host_processes = (process(8, 90), process(9, 5, adj=-999))
    assert contexts.get(told).host_processes_known
    assert not contexts.get(node(2, a=10)).host_processes_known
    told.version = 3
    order = contexts.get(told).kill_order
    assert order is not None
    assert [(each.candidate.pid, each.points) for each in order.ranked] == [(8, 90 * 256), (7, 10 * 256), (9, 1)]


def test_where_the_kernel_does_not_go_by_points_there_is_no_order() -> None:
    for settings in ({"panic_on_oom": 1}, {"oom_kill_allocating_task": 1}, {"total_bytes": None}):
        assert NodeContexts().get(node(1, a=1, settings=settings)).kill_order is None


def test_whoever_becomes_or_ceases_to_be_first_is_named() -> None:
    contexts = NodeContexts()
    contexts.update(node(1, a=10, b=20))
    assert contexts.update(node(2, a=30, b=20)) == Shift(cgroup_uids=frozenset({"pod-a", "pod-b"}))
    assert contexts.update(node(3, a=31, b=20)) is None


def test_whoever_comes_to_be_first_beyond_doubt_is_named_since_a_guaranteed_pod_is_told_so() -> None:
    def alone(version: int, a: int, *, outside_known: bool = True) -> NodeTelemetry:
        told = node(version, a=a, b=90)
        told.host_processes = () if outside_known else None
        return told

    contexts = NodeContexts()
    contexts.update(alone(1, 100))
    assert contexts.update(alone(2, 120)) == Shift(cgroup_uids=frozenset({"pod-a"}))  # 3 % of the node's memory ahead
    assert contexts.update(alone(3, 130)) is None
    assert contexts.update(alone(4, 150)) == Shift(cgroup_uids=frozenset({"pod-a"}))
    assert contexts.update(alone(5, 150, outside_known=False)) == Shift(cgroup_uids=frozenset({"pod-a"}))


def test_crossing_a_threshold_of_available_memory_concerns_the_whole_node() -> None:
    contexts = NodeContexts()
    assert contexts.update(node(1, 50, a=1)) == Shift(whole_node=True)
    assert contexts.update(node(2, 20, a=1)) is None
    assert contexts.update(node(3, 9, a=1)) == Shift(whole_node=True)
    assert contexts.update(node(4, 8, a=1)) is None
    assert contexts.update(node(5, 4, a=1)) == Shift(whole_node=True)
    assert contexts.update(node(6, None, a=1)) == Shift(whole_node=True)


def test_thresholds_are_those_of_the_policies() -> None:
    records: list[tuple[PolicyRecord, ...]] = [()]
    contexts = NodeContexts(policies=lambda: records[0])
    assert contexts.update(node(1, 31, a=1)) == Shift(whole_node=True)
    assert contexts.update(node(2, 29, a=1)) is None

    careful = {"risk": {"nodeAvailable": {"mediumPercent": 28, "highPercent": 20}, "hysteresisPercent": 1}}
    records[0] = (policy("careful", MemoryPolicySpec.model_validate(careful)),)
    contexts.update(node(3, 29, a=1))
    assert contexts.update(node(4, 28, a=1)) == Shift(whole_node=True)  # what was held as short is let go at 29
    assert contexts.update(node(5, 27, a=1)) == Shift(whole_node=True)


def test_a_threshold_lets_go_where_its_hysteresis_ends() -> None:
    everywhere = ClusterMemoryPolicySpec.model_validate(
        {"defaults": {"risk": {"nodeAvailable": {"mediumPercent": 40}, "hysteresisPercent": 7}}}
    )
    assert shortness_edges(()) == (5, 10, 15)
    assert shortness_edges((policy("all", everywhere),)) == (5, 10, 12, 15, 40, 47)


def test_what_the_node_can_allocate_is_told_and_its_change_concerns_the_whole_node() -> None:
    allocatable: dict[str, int] = {}
    contexts = NodeContexts(allocatable.get)
    assert contexts.get(node(1, a=1)).allocatable_bytes is None
    allocatable["node-a"] = 900 * MIB
    assert contexts.update(node(1, a=1)) == Shift(whole_node=True)
    assert contexts.get(node(1, a=1)).allocatable_bytes == 900 * MIB
    assert contexts.update(node(1, a=1)) is None
