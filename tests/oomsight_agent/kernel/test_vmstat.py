import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.vmstat import VmStat, parse_vmstat

TEXT = b"nr_free_pages 6070491\npgmajfault 869\noom_kill 41\npswpin 3\npswpout 4\n"


def test_the_four_counters() -> None:
    assert parse_vmstat(TEXT) == VmStat(swap_in_pages=3, swap_out_pages=4, major_faults=869, oom_kills=41)


def test_before_4_13_kills_are_unknown_and_not_zero() -> None:
    assert parse_vmstat(b"pgmajfault 869\n") == VmStat(major_faults=869)


@pytest.mark.parametrize("data", [b"", b"nr_free_pages 1\n", b"oom_kill -1\n", b"\x00"])
def test_a_file_that_makes_no_sense_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_vmstat(data), Problem)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    assert isinstance(parse_vmstat(data), (VmStat, Problem))
