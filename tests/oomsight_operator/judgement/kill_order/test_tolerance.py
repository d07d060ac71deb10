"""How near points may be before nobody can say who dies first: it depends on what changes between the report and the kill."""

from __future__ import annotations

import pytest

from oomsight_api.incident import OomScope
from oomsight_api.report import Container, Memory, NodeMemory, Process
from oomsight_operator.judgement.kill_order.candidates import candidates_of
from oomsight_operator.judgement.kill_order.domain import COUNTER_PAGES, container_domain, node_domain
from oomsight_operator.judgement.kill_order.order import rank

PAGE = 4096
MI = 1 << 20
CGROUP = "/kubepods/pod1/c1"


def near(difference_pages: int, *, swap_bytes: int = 0) -> Container:
    """A container of two processes that are so many pages apart."""
    processes = tuple(
        Process(pid=pid, name=f"p{pid}", oom_score_adj=3, rss_bytes=pages * PAGE, swap_bytes=0, page_tables_bytes=0)
        for pid, pages in ((7, 1000), (8, 1000 - difference_pages))
    )
    memory = Memory(limit_bytes=64 * MI, swap_limit_bytes=swap_bytes)
    return Container(pod_uid="1", container_id="c1", cgroup=CGROUP, memory=memory, processes=processes)


def firsts(row: Container, scope: OomScope, swap_bytes: int = 0) -> list[int]:
    node = NodeMemory(total_bytes=1024 * MI, swap_total_bytes=swap_bytes, swappiness=60, page_size_bytes=PAGE)
    domain = node_domain(node) if scope is OomScope.NODE else container_domain(row, node)
    assert domain is not None
    return [each.pid for each in rank(candidates_of([row], None, PAGE), domain).first]


def test_in_a_cgroup_without_swap_a_single_page_decides() -> None:
    assert firsts(near(1), OomScope.CONTAINER) == [7]


@pytest.mark.parametrize(("scope", "swap_bytes"), [(OomScope.NODE, 0), (OomScope.CONTAINER, MI)])
def test_where_pages_are_reclaimed_before_the_kill_what_one_processor_holds_back_decides(scope: OomScope, swap_bytes: int) -> None:
    assert firsts(near(COUNTER_PAGES, swap_bytes=swap_bytes), scope, swap_bytes) == [7, 8]
    assert firsts(near(COUNTER_PAGES + 1, swap_bytes=swap_bytes), scope, swap_bytes) == [7]
