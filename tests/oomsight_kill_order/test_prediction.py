"""What the product says, from a report as the agent sends it: each domain by its own row, at its own scale."""

from __future__ import annotations

import pytest

from oomsight_agent.sampler import CgroupRow
from oomsight_api.report import Cgroup, Container, Memory, NodeMemory, NodeReport, Pod, Process
from oomsight_kill_order.prediction import PredictionError, predict
from oomsight_kill_order.scenario import Domain

PAGE = 4096
MI = 1 << 20
POD = "/kubepods/pod1"
CONTAINER = f"{POD}/c1"
NESTED = f"{CONTAINER}/nested"


def process(pid: int, adj: int, pages: int, cgroup: str | None = None) -> Process:
    return Process(
        pid=pid, name=f"p{pid}", oom_score_adj=adj, rss_bytes=pages * PAGE, swap_bytes=0, page_tables_bytes=0, cgroup=cgroup
    )


def memory(mib: int) -> Memory:
    return Memory(limit_bytes=mib * MI, swap_limit_bytes=0)


REPORT = NodeReport(
    node="n",
    instance="",
    cursor="",
    full=True,
    time_seconds=1.0,
    interval_seconds=1.0,
    node_memory=NodeMemory(total_bytes=512 * MI, swap_total_bytes=0, swappiness=60, page_size_bytes=PAGE, signed_badness=True),
    containers=(
        Container(
            pod_uid="1",
            container_id="c1",
            cgroup=CONTAINER,
            memory=memory(16),
            oom_group=True,
            processes=(process(1001, 0, 1000), process(1002, 100, 700), process(1003, -1000, 9000), process(1004, 0, 100, NESTED)),
        ),
        Container(pod_uid="1", container_id="c2", cgroup=f"{POD}/c2", memory=memory(16), processes=(process(1005, 20, 980),)),
    ),
    pods=(Pod(pod_uid="1", cgroup=POD, memory=memory(32)),),
    cgroups=(Cgroup(cgroup="/kubepods", memory=memory(64)),),
    host_processes=(process(77, 101, 10),),
)


@pytest.mark.parametrize(
    ("domain", "path", "first", "scale_mib"),
    [
        (Domain.CONTAINER, CONTAINER, 1002, 16),
        (Domain.POD, POD, 1002, 32),
        (Domain.KUBEPODS, "/kubepods", 1002, 64),
        (Domain.NODE, None, 1002, 512),
    ],
)
def test_each_domain_is_judged_at_its_own_scale(domain: Domain, path: str | None, first: int, scale_mib: int) -> None:
    prediction = predict(REPORT, domain, path)
    assert (prediction.first, prediction.total_pages) == ((first,), scale_mib * MI // PAGE)


def test_what_a_container_made_inside_itself_is_in_no_report_and_comes_from_the_agents_rows() -> None:
    prediction = predict(REPORT, Domain.NESTED, NESTED, nested=[CgroupRow(NESTED, memory(8))])
    assert (prediction.first, prediction.total_pages) == ((1004,), 8 * MI // PAGE)


def test_a_limit_that_is_about_to_be_set_is_the_scale() -> None:
    """At 1 MiB a point of oom_score_adj weighs nothing any more, and size decides."""
    prediction = predict(REPORT, Domain.CONTAINER, CONTAINER, limit_bytes=MI)
    assert (prediction.first, prediction.total_pages, prediction.margin_pages()) == ((1001,), 256, 300)


def test_a_group_dies_whole_but_for_who_is_at_minus_1000() -> None:
    assert predict(REPORT, Domain.POD, POD).dies_with == {1002: frozenset({1001, 1002, 1004})}


def test_all_candidates_are_told_worst_first() -> None:
    prediction = predict(REPORT, Domain.POD, POD)
    assert [(pid, points) for pid, _, _, points in prediction.ranked] == [(1002, 1500), (1005, 1140), (1001, 1000), (1004, 100)]
    assert prediction.told_pids == {1001, 1002, 1003, 1004, 1005, 77}


@pytest.mark.parametrize(
    ("domain", "path", "word"),
    [
        (Domain.POD, "/kubepods/pod2", "/kubepods/pod2 is not in the report"),
        (Domain.NESTED, NESTED, "is not in the report"),
    ],
)
def test_what_the_report_does_not_have_is_said(domain: Domain, path: str, word: str) -> None:
    with pytest.raises(PredictionError, match=word):
        predict(REPORT, domain, path)


def test_a_domain_without_anybody_to_choose_or_without_scale_is_said() -> None:
    with pytest.raises(PredictionError, match="nobody can be chosen"):
        predict(REPORT, Domain.NESTED, "/other", nested=[CgroupRow("/other", memory(8))])
    with pytest.raises(PredictionError, match="gives no scale"):
        predict(REPORT, Domain.NESTED, NESTED, nested=[CgroupRow(NESTED, Memory())])
