from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.node_health.nodes import node

from oomsight_api.report import Cgroup, Memory
from oomsight_operator.judgement.eviction.settings import EvictionSettings, Threshold
from oomsight_operator.judgement.eviction.signals import memory_signals
from oomsight_operator.judgement.node_health.condition import Status
from oomsight_operator.judgement.node_health.eviction_margin import eviction_margin
from oomsight_operator.judgement.node_health.facts import NodeFacts


@pytest.mark.parametrize(
    ("available", "status", "reason"),
    [
        (8 * GI, Status.FALSE, "EvictionFar"),
        (1000 * MI, Status.FALSE, "EvictionFar"),
        (900 * MI, Status.TRUE, "EvictionMarginSmall"),
        (100 * MI, Status.TRUE, "EvictionMarginSmall"),
        (99 * MI, Status.TRUE, "EvictionThresholdMet"),
    ],
)
def test_the_margin_to_the_threshold_decides(available: int, status: Status, reason: str) -> None:
    found = eviction_margin(node(root_working_set=16 * GI - available))
    assert (found.status, found.reason) == (status, reason)


def test_numbers_threshold_and_its_assumption_are_told() -> None:
    assert eviction_margin(node()).message == (
        "memory.available is 8Gi, 7.9Gi above the hard eviction threshold 100Mi (assumed: nobody asked)"
    )
    read = EvictionSettings(Threshold(GI))
    assert eviction_margin(node(settings=read)).message == "memory.available is 8Gi, 7Gi above the hard eviction threshold 1Gi"


def test_a_met_threshold_says_what_happens_and_cache_that_counts_as_used_is_named() -> None:
    short = eviction_margin(node(root_working_set=16 * GI, available_bytes=GI)).message
    assert "memory.available is 0, 100Mi below the hard eviction threshold 100Mi" in short
    assert "evicts one pod after the other, without grace period" in short
    assert "page cache" not in short
    cached = eviction_margin(node(root_working_set=16 * GI, available_bytes=9 * GI)).message
    assert "the kernel could still give 56 % of the node (MemAvailable): the kubelet counts active page cache as used" in cached


def test_a_soft_threshold_that_is_nearer_is_the_one_that_is_told() -> None:
    settings = EvictionSettings(Threshold(100 * MI), Threshold(10 * GI), 90.0)
    found = eviction_margin(node(settings=settings))
    assert found.reason == "EvictionThresholdMet"
    assert "2Gi below the soft eviction threshold 10Gi: when that lasts for 90 s the kubelet evicts a pod, with a grace period" in (
        found.message
    )


def test_a_hard_threshold_that_is_met_is_told_before_a_soft_one_that_is_further_away() -> None:
    settings = EvictionSettings(Threshold(100 * MI), Threshold(500 * MI), 90.0)
    message = eviction_margin(node(settings=settings, root_working_set=16 * GI - 50 * MI)).message
    assert "50Mi below the hard eviction threshold 100Mi: the kubelet evicts one pod after the other, without grace" in message


def with_pods(working_set: int, root_working_set: int | None = 5 * GI) -> NodeFacts:
    """All pods together may have 4Gi."""
    root = Cgroup(cgroup="/", memory=Memory(working_set_bytes=root_working_set))
    pods = Cgroup(cgroup="/kubepods", holds_pods=True, memory=Memory(limit_bytes=4 * GI, working_set_bytes=working_set))
    return NodeFacts(node().memory, memory_signals(node().memory, (root, pods), EvictionSettings()))


def test_pods_that_fill_their_allocatable_memory_are_not_told_as_page_cache_of_the_node() -> None:
    message = eviction_margin(with_pods(4 * GI)).message
    assert "allocatableMemory.available is 0, 100Mi below the hard eviction threshold 100Mi" in message
    assert "page cache" not in message


def test_a_kubelet_that_says_pressure_is_believed() -> None:
    found = eviction_margin(node(kubelet=True))
    assert (found.status, found.reason) == (Status.TRUE, "KubeletUnderPressure")
    assert "the kubelet says MemoryPressure while memory.available is 8Gi" in found.message


def test_a_kubelet_without_a_threshold_never_evicts_for_memory() -> None:
    found = eviction_margin(node(settings=EvictionSettings(hard=None)))
    assert (found.status, found.reason) == (Status.FALSE, "NoEvictionThreshold")


def test_without_the_roots_working_set_it_is_unknown_with_the_kubelets_word() -> None:
    found = eviction_margin(node(root_working_set=None, kubelet=True))
    assert found.status is Status.UNKNOWN
    assert found.message.endswith("the kubelet's own MemoryPressure is True")
    assert eviction_margin(NodeFacts(node().memory)).message.endswith("MemoryPressure is Unknown")


def test_far_from_one_threshold_is_not_far_from_the_other_that_nobody_knows() -> None:
    found = eviction_margin(with_pods(GI, root_working_set=None))
    assert found.status is Status.UNKNOWN
    assert "memory.available; allocatableMemory.available is 3Gi, 2.9Gi above the hard eviction threshold 100Mi" in found.message
    assert eviction_margin(with_pods(4 * GI, root_working_set=None)).status is Status.TRUE, "what is known to be met is met"
