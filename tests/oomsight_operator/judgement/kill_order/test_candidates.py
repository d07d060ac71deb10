"""Who may be chosen, and how big the kernel takes it for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.oomsight_operator.judgement.build import GI, MI, memory, process, row
from tests.oomsight_operator.judgement.kill_order.build import NODE

from oomsight_api.report import NodeMemory, Process
from oomsight_operator.judgement.kill_order.candidates import candidates_of, page_size, unscored, worst_candidates
from oomsight_operator.judgement.kill_order.order import rank


def test_size_is_what_is_resident_swapped_and_in_page_tables_each_in_whole_pages() -> None:
    big = process(7, rss=8 * MI + 4095, swap=4 * MI + 4095, tables=41 * 1024, adj=5)
    (one,) = candidates_of([row(processes=(big,), container_name="app")], (), 4096)

    assert (one.size_pages, one.rss_bytes, one.oom_score_adj) == (2048 + 1024 + 10, 8 * MI + 4095, 5)
    assert (one.container_name, one.pod_uid, one.cgroup) == ("app", "uid-1", row().cgroup)


def test_init_and_whoever_is_exempt_is_never_named_nor_missed() -> None:
    exempt = (process(1, rss=GI), process(8, rss=GI, adj=-1000))

    assert candidates_of([row(processes=exempt)], exempt, 4096) == ()
    assert unscored([row(processes=exempt)], exempt) == 0


@pytest.mark.parametrize("unknown", [process(7, rss=None), process(7, adj=None), process(7, tables=None), process(7, swap=None)])
def test_a_process_with_an_unknown_part_is_counted_rather_than_guessed(unknown: Process) -> None:
    assert candidates_of([row(processes=(unknown,))], (unknown,), 4096) == ()
    assert unscored([row(processes=(unknown, process(9)))], (unknown,)) == 2


def test_processes_outside_containers_take_part_and_may_be_unknown() -> None:
    (kubelet,) = candidates_of([], [replace(process(7, adj=-999), cgroup="/system.slice/kubelet.service")], 4096)

    assert (kubelet.container_id, kubelet.pod_uid, kubelet.cgroup) == (None, None, "/system.slice/kubelet.service")
    assert candidates_of([], None, 4096) == ()


def test_a_process_in_a_cgroup_of_its_own_inside_the_container_is_there() -> None:
    nested = replace(process(7), cgroup=f"{row().cgroup}/worker")
    (one,) = candidates_of([row(processes=(nested,))], (), 4096)

    assert one.cgroup == f"{row().cgroup}/worker"


def test_what_comes_free_for_certain_is_what_no_other_process_of_the_container_can_hold() -> None:
    both = (process(7, rss=60 * MI), process(8, rss=30 * MI))
    shared = candidates_of([row(uses=memory(anon=70 * MI), processes=both, process_count=2)], (), 4096)
    assert [each.private_pages * 4096 // MI for each in shared] == [40, 10]

    (alone,) = candidates_of([row(uses=memory(anon=70 * MI), processes=both[:1], process_count=1)], (), 4096)
    assert alone.private_pages * 4096 == 60 * MI

    unlisted = candidates_of([row(uses=memory(anon=70 * MI), processes=both, process_count=3)], (), 4096)
    assert [each.private_pages for each in unlisted] == [0, 0]


def test_files_that_a_process_maps_are_of_what_it_has_resident() -> None:
    """The two are counted apart, and the sum may lag behind its part."""
    rows = [row(processes=(replace(process(7, rss=8 * MI), file_bytes=mapped),)) for mapped in (2 * MI, 9 * MI, None)]
    assert [each.file_pages * 4096 // MI for each in candidates_of(rows, (), 4096)] == [2, 8, 0]


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.one_of(st.integers(-999, 1000), st.sampled_from([-998, -997])), st.integers(0, 40)),
        max_size=30,
    ),
    st.integers(1, 8),
    st.sampled_from([True, False, None]),
    st.integers(0, 20),
    st.booleans(),
)
def test_of_the_worst_alone_the_same_may_be_first_as_of_all(
    sizes: list[tuple[int, int, int]], most: int, signed: bool | None, tolerance: int, outside: bool
) -> None:
    processes = tuple(
        replace(process(pid, rss=pages * 4096, adj=adj), file_bytes=mapped * 4096)
        for pid, (pages, adj, mapped) in enumerate(sizes, 2)
    )
    rows, host = ([], processes) if outside else ([row(processes=processes)], None)
    worst = worst_candidates(
        rows, host, 4096, pages_per_adj=NODE.pages_per_adj, most=most, signed=signed, tolerance_pages=tolerance
    )
    whole = rank(candidates_of(rows, host, 4096), NODE, signed=signed, tolerance_pages=tolerance, most=most)

    assert rank(worst, NODE, signed=signed, tolerance_pages=tolerance, most=most).first == whole.first
    assert [each.points for each in rank(worst, NODE, signed=signed, most=most).ranked] == [each.points for each in whole.ranked]


@pytest.mark.parametrize("told", [None, 0, -1])
def test_a_page_size_that_makes_no_sense_is_taken_as_4_kib(told: int | None) -> None:
    assert page_size(NodeMemory(page_size_bytes=told)) == 4096
