import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.meminfo import MemInfo, parse_meminfo
from oomsight_agent.kernel.problem import Problem

TEXT = b"""MemTotal:       24684084 kB
MemFree:        24281964 kB
MemAvailable:   24316068 kB
Buffers:            9608 kB
SwapCached:            0 kB
SwapTotal:       1048576 kB
SwapFree:         524288 kB
HugePages_Total:       0
"""


def test_the_five_lines_in_bytes() -> None:
    assert parse_meminfo(TEXT) == MemInfo(24684084 * 1024, 24316068 * 1024, 24281964 * 1024, 1048576 * 1024, 524288 * 1024)


def test_before_3_14_what_is_available_is_unknown() -> None:
    info = parse_meminfo(TEXT.replace(b"MemAvailable:", b"Other:"))
    assert isinstance(info, MemInfo)
    assert info.available_bytes is None


@pytest.mark.parametrize("data", [b"", b"MemFree: 5 kB\n", TEXT.replace(b"24684084", b"much"), b"\xff" * 100])
def test_a_file_that_makes_no_sense_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_meminfo(data), Problem)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    assert isinstance(parse_meminfo(data), (MemInfo, Problem))
