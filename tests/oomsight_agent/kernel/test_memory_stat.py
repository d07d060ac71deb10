import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.memory_stat import MemoryStat, parse_memory_stat_v1, parse_memory_stat_v2
from oomsight_agent.kernel.numbers import MOST_COUNTED
from oomsight_agent.kernel.problem import Problem

V1 = b"""cache 9232384
rss 12783616
rss_huge 0
shmem 9084928
swap 0
pgmajfault 0
inactive_file 8192
hierarchical_memory_limit 9223372036854771712
total_cache 232562688
total_rss 23355392
total_rss_huge 0
total_shmem 9084928
total_workingset_refault_anon 31
total_workingset_refault_file 262241
total_swap 4096
total_pgmajfault 869
total_inactive_anon 10342400
total_inactive_file 143904768
total_active_file 79572992
"""

V2 = b"""anon 23355392
file 232562688
kernel 5242880
kernel_stack 98304
pagetables 126976
percpu 720
sock 4096
shmem 9084928
inactive_file 143904768
active_file 79572992
slab_reclaimable 1048576
slab_unreclaimable 524288
slab 1572864
workingset_refault_anon 31
workingset_refault_file 262241
pgmajfault 869
"""


def test_v1_takes_the_totals_of_the_subtree_and_never_the_cgroups_own() -> None:
    assert parse_memory_stat_v1(V1) == MemoryStat(
        anon_bytes=23355392,
        file_bytes=232562688,
        shmem_bytes=9084928,
        active_file_bytes=79572992,
        inactive_file_bytes=143904768,
        swap_bytes=4096,
        file_refaults=262241,
        anon_refaults=31,
        major_faults=869,
    )


def test_v1_without_totals_is_a_problem_and_not_the_cgroups_own_numbers() -> None:
    assert isinstance(parse_memory_stat_v1(b"cache 1\nrss 2\n"), Problem)


def test_v1_has_no_slab_and_says_none_rather_than_zero() -> None:
    stat = parse_memory_stat_v1(V1)
    assert isinstance(stat, MemoryStat)
    assert (stat.slab_reclaimable_bytes, stat.slab_unreclaimable_bytes, stat.page_tables_bytes) == (None, None, None)


def test_v2_splits_the_kernels_memory() -> None:
    stat = parse_memory_stat_v2(V2)
    assert isinstance(stat, MemoryStat)
    assert (stat.anon_bytes, stat.kernel_bytes, stat.sock_bytes, stat.percpu_bytes) == (23355392, 5242880, 4096, 720)
    assert (stat.slab_reclaimable_bytes, stat.slab_unreclaimable_bytes, stat.slab_bytes) == (1048576, 524288, 1572864)
    assert stat.swap_bytes is None


@pytest.mark.parametrize(("parse", "line"), [(parse_memory_stat_v1, b"total_rss 1\ntotal_"), (parse_memory_stat_v2, b"anon 1\n")])
def test_before_5_9_refaults_are_one_counter(parse: object, line: bytes) -> None:
    stat = parse(line + b"workingset_refault 77\n")  # type: ignore[operator]
    assert stat.file_refaults == 77


def test_one_broken_line_costs_its_own_value_alone_and_is_told() -> None:
    stat = parse_memory_stat_v2(V2.replace(b"shmem 9084928", b"shmem lots"))
    assert isinstance(stat, MemoryStat)
    assert stat.shmem_bytes is None
    assert stat.anon_bytes == 23355392
    assert str(stat.problem) == "expected a decimal number after 'shmem', found 'lots'"


@pytest.mark.parametrize("data", [b"", b"\x00" * 4096, b"anonymous 5\n", b"\n\n\n", b"anon -1\n"])
def test_what_is_no_memory_stat_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_memory_stat_v2(data), Problem)
    assert isinstance(parse_memory_stat_v1(data), Problem)


@given(
    st.dictionaries(
        st.sampled_from(["anon", "file", "shmem", "kernel", "sock", "percpu"]), st.integers(0, MOST_COUNTED), min_size=1
    )
)
def test_v2_reads_any_subset_of_lines_in_any_order(values: dict[str, int]) -> None:
    stat = parse_memory_stat_v2("".join(f"{key} {value}\n" for key, value in values.items()).encode())
    assert isinstance(stat, MemoryStat)
    for key in ("anon", "file", "shmem", "kernel", "sock", "percpu"):
        assert getattr(stat, f"{key}_bytes") == values.get(key)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    assert isinstance(parse_memory_stat_v1(data), (MemoryStat, Problem))
    assert isinstance(parse_memory_stat_v2(b"anon 1\n" + data), MemoryStat)
