import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_agent.kernel.memory_files import Files

from oomsight_agent.kernel.accounting import Charges
from oomsight_agent.kernel.memory_files import Counters
from oomsight_agent.kernel.memory_stat import MemoryStat
from oomsight_agent.kernel.memory_v2 import kernel_charge, kernel_unreclaimable, parse_hot, read_charges

MI = 1024 * 1024
EVENTS = b"low 0\nhigh 4\nmax 12\noom 1\noom_kill 3\noom_group_kill 0\n"
STAT = b"anon 4096\nfile 8192\nkernel 40960\nsock 512\nshmem 0\nslab_reclaimable 10240\n"


def files(limit: bytes = b"67108864\n", high: bytes = b"max\n", swap_max: bytes = b"max\n") -> Files:
    return Files(stat=STAT, max=limit, high=high, swap__current=b"8192\n", swap__max=swap_max, oom__group=b"1\n")


def test_the_hot_files_give_the_counters() -> None:
    assert parse_hot([b"100\n", b"200\n", EVENTS]) == (Counters(100, 200, 12, 4, 3), ())


def test_before_5_19_there_is_no_peak() -> None:
    assert parse_hot([b"100\n", None, EVENTS]) == (Counters(100, None, 12, 4, 3), ())


def test_broken_hot_files_cost_their_own_values_alone() -> None:
    counters, problems = parse_hot([b"max\n", b"200\n", b"\x00\x01"])
    assert counters == Counters(None, 200, None, None, None)
    assert [problem.name for problem in problems] == ["memory.current", "memory.events"]


def test_max_is_no_limit_while_an_absent_or_broken_file_is_unknown() -> None:
    assert read_charges(files(b"max\n"), None).unlimited is True
    assert read_charges(files(b"?"), None).unlimited is None
    assert read_charges(files(), None).unlimited is False
    assert read_charges(files(), None).limit_bytes == 64 * MI
    assert read_charges(Files(stat=STAT), None).unlimited is None


def test_throttling_swap_and_group_kill() -> None:
    charges = read_charges(files(high=b"33554432\n", swap_max=b"0\n"), None)
    assert (charges.high_bytes, charges.swap_bytes, charges.swap_limit_bytes, charges.oom_group) == (32 * MI, 8192, 0, True)


def test_swap_without_a_bound_is_told_apart_from_a_bound_that_is_not_known() -> None:
    told = [read_charges(one, None) for one in (files(), files(swap_max=b"0\n"), files(swap_max=b"?"), Files(stat=STAT))]
    bounds = [(charges.swap_unlimited, charges.swap_limit_bytes) for charges in told]
    assert bounds == [(True, None), (False, 0), (None, None), (None, None)]
    assert read_charges(files(), told[0]).swap_unlimited is True, "also where the settings are not read again"


def test_settings_are_not_read_again_until_the_limit_changes() -> None:
    first = read_charges(files(), None)
    same = files(high=b"1\n")
    assert read_charges(same, first) == first
    assert "memory.high" not in same.read
    assert read_charges(files(limit=b"max\n", high=b"4096\n"), first).high_bytes == 4096


@pytest.mark.parametrize(
    ("stat", "charge", "held"),
    [
        (MemoryStat(kernel_bytes=100, slab_reclaimable_bytes=30, sock_bytes=5), 100, 75),
        (MemoryStat(slab_bytes=50, slab_reclaimable_bytes=30, kernel_stack_bytes=8, page_tables_bytes=4, percpu_bytes=2), 64, 34),
        (MemoryStat(kernel_bytes=100), 100, 100),
        (MemoryStat(sock_bytes=5), None, 5),
        (MemoryStat(), None, None),
        (MemoryStat(kernel_bytes=10, slab_reclaimable_bytes=30), 10, 0),
    ],
    ids=["5.18 on", "before 5.18", "no split: all of it", "sockets alone", "no kernel accounting", "split read a moment later"],
)
def test_kernel_memory_and_what_of_it_cannot_be_reclaimed(stat: MemoryStat, charge: int | None, held: int | None) -> None:
    assert (kernel_charge(stat), kernel_unreclaimable(stat)) == (charge, held)


@given(st.lists(st.none() | st.binary(max_size=100), min_size=3, max_size=3))
def test_arbitrary_hot_files_never_crash(contents: list[bytes | None]) -> None:
    counters, problems = parse_hot(contents)
    assert isinstance(counters, Counters)
    assert len(problems) <= 3


@given(st.binary(max_size=200), st.binary(max_size=30))
def test_arbitrary_other_files_never_crash(stat: bytes, number: bytes) -> None:
    hostile = Files(stat=stat, max=number, high=number, swap__current=number, swap__max=number, oom__group=number)
    assert isinstance(read_charges(hostile, None), Charges)
