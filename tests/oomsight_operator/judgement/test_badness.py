"""Points of one process, as oom_badness() counts them."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import GI, MI, process

from oomsight_api.report import NodeMemory, Process
from oomsight_operator.judgement.badness import badness, page_size, total_pages

PAGES = 2 * GI // 4096


@pytest.mark.parametrize(
    ("judged", "points"),
    [
        pytest.param(process(rss=8 * MI), 2048, id="resident-only"),
        pytest.param(process(rss=8 * MI, swap=4 * MI, tables=40 * 1024), 2048 + 1024 + 10, id="swap-and-page-tables-count"),
        pytest.param(process(rss=8 * MI, adj=100), 2048 + 100 * 524, id="adj-is-in-thousandths-cut-to-whole-pages"),
        pytest.param(process(rss=8 * MI, adj=-997), 2048 - 997 * 524, id="signed-since-5.9"),
        pytest.param(process(rss=8 * MI, adj=-1000), None, id="never-chosen"),
        pytest.param(process(rss=None), None, id="unknown-size"),
    ],
)
def test_points(judged: Process, points: int | None) -> None:
    assert badness(judged, PAGES, 4096) == points


def test_scale_is_memory_and_swap_in_pages_of_the_node() -> None:
    assert total_pages(NodeMemory(total_bytes=GI, swap_total_bytes=GI, page_size_bytes=65536)) == 2 * GI // 65536
    assert total_pages(NodeMemory(total_bytes=GI)) is None


@pytest.mark.parametrize("told", [None, 0, -1])
def test_a_page_size_that_makes_no_sense_is_taken_as_4_kib(told: int | None) -> None:
    assert page_size(NodeMemory(page_size_bytes=told)) == 4096
