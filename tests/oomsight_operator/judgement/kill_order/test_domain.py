"""The scale of an OOM: the node's memory and swap, or the cgroup's own limit and the swap that it may use."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.oomsight_operator.judgement.build import GI, MI, ROOMY, memory, row

from oomsight_api.incident import OomScope
from oomsight_api.report import Cgroup, Memory, NodeMemory
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.kill_order.domain import (
    cgroup_domain,
    container_domain,
    decided_otherwise,
    node_domain,
    pod_domain,
    why_no_domain,
    why_no_node_domain,
)

SWAPPING = replace(ROOMY, swap_total_bytes=2 * GI, swappiness=60)


def test_a_nodes_scale_is_memory_and_swap_in_its_own_pages() -> None:
    domain = node_domain(NodeMemory(total_bytes=GI, swap_total_bytes=GI, page_size_bytes=65536))
    assert domain is not None
    assert (domain.total_pages, domain.cgroup, domain.pages_per_adj) == (2 * GI // 65536, None, 32)


def test_without_memory_or_swap_a_node_has_no_scale_and_says_what_is_missing() -> None:
    assert node_domain(NodeMemory(swap_total_bytes=0)) is None
    assert node_domain(NodeMemory(total_bytes=0, swap_total_bytes=0)) is None
    assert "no MemTotal," in why_no_node_domain(NodeMemory(swap_total_bytes=0))
    assert "no MemTotal and SwapTotal," in why_no_node_domain(NodeMemory())
    assert "no SwapTotal," in why_no_node_domain(NodeMemory(total_bytes=GI))


@pytest.mark.parametrize(
    ("limits", "node", "mebibytes"),
    [
        pytest.param({"limit": 64 * MI, "swap_limit": 0}, SWAPPING, 64, id="swap-forbidden"),
        pytest.param({"limit": 64 * MI, "swap_limit": 16 * MI}, SWAPPING, 80, id="own-share-of-swap"),
        pytest.param({"limit": 64 * MI}, SWAPPING, 64 + 2048, id="swap-unbounded-counts-all-of-it"),
        pytest.param({"limit": 64 * MI, "swap_limit": 8 * GI}, SWAPPING, 64 + 2048, id="no-more-than-there-is"),
        pytest.param({"limit": 64 * MI}, replace(SWAPPING, swappiness=0), 64, id="swappiness-0-swaps-nothing"),
        pytest.param({"limit": 64 * MI}, replace(ROOMY, swappiness=None), 64, id="no-swap-at-all"),
        pytest.param({"limit": 64 * MI, "swap_limit": 0}, NodeMemory(), 64, id="forbidden-whatever-the-node-has"),
        pytest.param({"limit": 0}, ROOMY, 0, id="a-limit-of-nothing"),
    ],
)
def test_a_cgroups_scale_is_its_own_limit_and_the_swap_it_may_use(limits: dict[str, int], node: NodeMemory, mebibytes: int) -> None:
    domain = container_domain(row(uses=memory(**limits)), node)
    assert domain is not None
    assert domain.total_pages == max(1, mebibytes * MI // 4096)


@pytest.mark.parametrize(
    ("uses", "node", "why"),
    [
        (Memory(unlimited=True), SWAPPING, "it has no memory limit of its own"),
        (Memory(), SWAPPING, "its memory limit could not be read"),
        (memory(limit=MI), replace(SWAPPING, swappiness=None), "how much it may swap is unknown"),
        (memory(limit=MI), replace(SWAPPING, swap_total_bytes=None), "how much it may swap is unknown"),
    ],
)
def test_where_the_scale_is_unknown_there_is_no_domain_and_a_sentence_says_why(uses: Memory, node: NodeMemory, why: str) -> None:
    assert container_domain(row(uses=uses), node) is None
    assert why_no_domain(uses, node).startswith(why)


def test_each_kind_of_cgroup_is_its_own_domain() -> None:
    pod = pod_domain(PodRow(pod_uid="u", cgroup="/kubepods/podu", memory=memory(limit=MI)), ROOMY)
    kubepods = cgroup_domain(Cgroup(cgroup="/kubepods", memory=memory(limit=GI)), ROOMY)
    assert pod is not None
    assert kubepods is not None
    assert (pod.scope, pod.cgroup, kubepods.scope, kubepods.cgroup) == (
        OomScope.POD,
        "/kubepods/podu",
        OomScope.CGROUP,
        "/kubepods",
    )


@pytest.mark.parametrize(
    ("settings", "scope", "said"),
    [
        ({}, OomScope.NODE, None),
        ({"panic_on_oom": 1}, OomScope.NODE, "vm.panic_on_oom is 1: the kernel kills nobody, the node panics"),
        ({"panic_on_oom": 1}, OomScope.POD, None),
        ({"panic_on_oom": 2}, OomScope.CONTAINER, "vm.panic_on_oom is 2: the kernel kills nobody, the node panics"),
        ({"oom_kill_allocating_task": 1}, OomScope.NODE, "whoever asks for memory then"),
        ({"oom_kill_allocating_task": 1}, OomScope.CONTAINER, None),
    ],
)
def test_where_the_kernel_does_not_go_by_points_it_is_said(settings: dict[str, Any], scope: OomScope, said: str | None) -> None:
    found = decided_otherwise(replace(ROOMY, **settings), scope)
    assert found is None if said is None else said in (found or "")
