"""What one look at a replica says about its page cache: too little, enough, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW, memory, row, spec, subject

from oomsight_api.report import Memory, NodeMemory
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.model import NodeContext
from oomsight_operator.judgement.recommend.cache import CacheFit, CacheLook
from oomsight_operator.judgement.recommend.cache_look import cache_fit, cache_look, tells_no_refaults
from oomsight_operator.judgement.recommend.track import MAX_BYTES
from oomsight_operator.judgement.risk.subject import Subject
from oomsight_operator.judgement.usual import Mean, Usual

HOUR = int(NOW) // 3600
FULL = memory(8 * MI, 48 * MI, usage=48 * MI)


def seen(uses: Memory, refaults: float | None = 9000.0, **more: Any) -> Subject:
    return subject(spec(limit=48 * MI), row=row(uses=uses, refaults_per_second=refaults, major_faults_per_second=0.0), **more)


def usual(pages: float = 9000.0, watched: float = 3600.0) -> Usual:
    return Usual(refaults_per_second=Mean(pages, pages, NOW, watched))


def test_an_hour_of_refaults_at_the_limit_says_what_it_leaves_for_cache_and_what_is_read_again() -> None:
    assert cache_look(seen(FULL), usual()) == CacheLook(HOUR, 40 * MI, 9000 * 4096)
    large_pages = NodeContext("node-1", NodeMemory(total_bytes=GI, page_size_bytes=65536))
    assert cache_look(seen(FULL, node=large_pages), usual()) == CacheLook(HOUR, 40 * MI, 9000 * 65536)


def test_less_than_an_hour_or_less_than_the_policys_threshold_says_nothing() -> None:
    assert cache_look(seen(FULL), usual(watched=3599.0)) is None
    assert cache_look(seen(FULL), usual(pages=199.0)) is None
    assert cache_look(seen(FULL, risk={"cacheThrashing": {"lowPagesPerSecond": 100}}), usual(pages=199.0)) is not None
    assert cache_look(seen(FULL), Usual()) is None


def test_memory_high_is_what_pushes_the_cache_out_where_it_is_lower() -> None:
    throttled = memory(8 * MI, 48 * MI, usage=32 * MI, high=32 * MI)
    assert cache_look(seen(throttled), usual()) == CacheLook(HOUR, 24 * MI, 9000 * 4096)


def test_of_a_pods_limit_what_the_other_containers_hold_is_not_left() -> None:
    roomy = memory(8 * MI, 512 * MI, usage=40 * MI)
    pod_row = PodRow(pod_uid="uid-1", cgroup="/kubepods/poduid-1", memory=memory(limit=100 * MI, usage=100 * MI))

    assert cache_look(seen(roomy, pod_row=pod_row), usual()) == CacheLook(HOUR, 32 * MI, 9000 * 4096)
    assert cache_look(seen(roomy, pod_row=pod_row, pod_limit_bytes=100 * MI), usual()) is None, "pod-level: not the container's"


def test_cache_below_every_limit_with_next_to_no_refaults_is_enough() -> None:
    fits = memory(8 * MI, 512 * MI, usage=108 * MI)

    assert cache_fit(seen(fits, refaults=3.0)) == CacheFit(HOUR, 100 * MI)
    assert cache_fit(seen(fits, refaults=9000.0)) is None, "the node pushes it out"
    assert cache_fit(seen(fits, refaults=None)) is None
    assert cache_fit(seen(FULL, refaults=0.0)) is None, "at the limit some of it may be dropped"
    assert cache_fit(seen(memory(8 * MI, 512 * MI, usage=20 * MI), refaults=0.0)) is None, "too little to be worth remembering"
    assert cache_fit(seen(memory(None, 512 * MI, usage=108 * MI), refaults=0.0)) is None


@pytest.mark.parametrize(
    ("refaults", "faults", "untold"), [(0.0, 0.0, False), (None, 0.0, True), (None, None, None), (float("nan"), None, None)]
)
def test_a_kernel_that_tells_faults_and_no_refaults_does_not_count_them(
    refaults: float | None, faults: float | None, untold: bool | None
) -> None:
    assert tells_no_refaults(row(refaults_per_second=refaults, major_faults_per_second=faults)) is untold
    assert tells_no_refaults(None) is None


AMOUNTS = st.none() | st.integers(0, 1 << 63)


@given(AMOUNTS, AMOUNTS, AMOUNTS, st.none() | st.floats(), st.integers(0, 1 << 40))
def test_whatever_a_node_tells_amounts_stay_possible(
    unreclaimable: int | None, limit: int | None, usage: int | None, rate: float | None, page: int
) -> None:
    node = NodeContext("node-1", NodeMemory(total_bytes=GI, page_size_bytes=page))
    of = seen(memory(unreclaimable, limit, usage=usage), refaults=rate, node=node)
    look, fit = cache_look(of, usual(pages=1e9)), cache_fit(of)

    assert look is None or (0 <= look.held_bytes <= MAX_BYTES and 0 < look.reread_bytes_per_second <= MAX_BYTES)
    assert fit is None or 0 < fit.held_bytes <= MAX_BYTES
