from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_agent.kernel.memory_files import Files

from oomsight_agent.kernel.accounting import Charges
from oomsight_agent.kernel.memory_files import Counters
from oomsight_agent.kernel.memory_v1 import MEMORY_V1, parse_hot, read_charges, swap_limit

MI = 1024 * 1024
NO_LIMIT = 9223372036854771712
OOM_CONTROL = b"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
STAT = b"total_cache 8192\ntotal_rss 4096\ntotal_shmem 0\ntotal_swap 12288\ntotal_inactive_file 4096\ntotal_active_file 4096\n"


def files(limit: int = 64 * MI, memsw: int = 96 * MI) -> Files:
    return Files(
        stat=STAT,
        limit_in_bytes=b"%d\n" % limit,
        memsw__limit_in_bytes=b"%d\n" % memsw,
        kmem__usage_in_bytes=b"20480\n",
        kmem__tcp__usage_in_bytes=b"0\n",
        memsw__failcnt=b"9\n",
        swappiness=b"30\n",
    )


def test_the_hot_files_give_the_counters() -> None:
    assert parse_hot([b"100\n", b"200\n", b"7\n", OOM_CONTROL]) == (Counters(100, 200, 7, None, 3), ())


def test_a_broken_hot_file_costs_its_own_value_alone() -> None:
    counters, problems = parse_hot([b"", b"200\n", b"\xff", OOM_CONTROL])
    assert counters == Counters(None, 200, None, None, 3)
    assert [problem.name for problem in problems] == ["memory.usage_in_bytes", "memory.failcnt"]


def test_absent_hot_files_are_unknown_and_no_problem() -> None:
    assert parse_hot([None] * len(MEMORY_V1.hot_files)) == (Counters(), ())


def test_all_of_the_kernels_memory_counts_as_held_since_v1_does_not_split_it() -> None:
    charges = read_charges(files(), None)
    assert charges.kernel_bytes == charges.kernel_unreclaimable_bytes == 20480


def test_the_limit_and_what_may_be_swapped_beyond_it() -> None:
    charges = read_charges(files(), None)
    assert (charges.limit_bytes, charges.unlimited, charges.swap_limit_bytes) == (64 * MI, False, 32 * MI)
    assert (charges.swap_bytes, charges.swappiness, charges.swap_limit_hits) == (12288, 30, 9)


def test_about_2_to_the_63_is_no_limit_on_any_page_size() -> None:
    for page in (4096, 16384, 65536):
        charges = read_charges(files(limit=(2**63 - 1) // page * page), None)
        assert (charges.limit_bytes, charges.unlimited) == (None, True)


def test_an_unreadable_limit_is_unknown_and_not_unlimited() -> None:
    broken = files()
    broken.contents["memory.limit_in_bytes"] = b"lots"
    charges = read_charges(broken, None)
    assert (charges.limit_bytes, charges.unlimited) == (None, None)


def test_swap_without_a_bound_is_told_apart_from_a_bound_that_is_not_known() -> None:
    without = files()
    del without.contents["memory.memsw.limit_in_bytes"]
    told = [read_charges(one, None) for one in (files(memsw=NO_LIMIT), files(), without)]
    assert [(each.swap_unlimited, each.swap_limit_bytes) for each in told] == [(True, None), (False, 32 * MI), (None, None)]


def test_settings_are_not_read_again_until_the_limit_changes() -> None:
    first = read_charges(files(), None)
    same = files()
    assert read_charges(same, first) == first
    assert "memory.swappiness" not in same.read
    resized = files(limit=80 * MI)
    assert read_charges(resized, first).swap_limit_bytes == 16 * MI


def test_what_swap_may_take_when_one_of_both_limits_is_missing() -> None:
    assert swap_limit(64 * MI, NO_LIMIT) is None
    assert swap_limit(64 * MI, None) is None
    assert swap_limit(NO_LIMIT, 96 * MI) == 96 * MI
    assert swap_limit(64 * MI, 64 * MI) == 0


@given(st.lists(st.none() | st.binary(max_size=100), min_size=4, max_size=4))
def test_arbitrary_hot_files_never_crash(contents: list[bytes | None]) -> None:
    counters, problems = parse_hot(contents)
    assert isinstance(counters, Counters)
    assert len(problems) <= 4


@given(st.binary(max_size=200), st.binary(max_size=30))
def test_arbitrary_other_files_never_crash(stat: bytes, number: bytes) -> None:
    hostile = Files(stat=stat, limit_in_bytes=number, memsw__limit_in_bytes=number, kmem__usage_in_bytes=number, swappiness=number)
    assert isinstance(read_charges(hostile, None), Charges)
