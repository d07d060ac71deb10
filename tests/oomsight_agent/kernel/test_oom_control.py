import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.numbers import MOST_COUNTED
from oomsight_agent.kernel.oom_control import parse_oom_kills
from oomsight_agent.kernel.problem import Problem


@given(st.integers(0, MOST_COUNTED))
def test_kills_are_read_as_written(kills: int) -> None:
    assert parse_oom_kills(b"oom_kill_disable 0\nunder_oom 1\noom_kill %d\n" % kills) == kills


def test_before_4_13_kills_are_unknown_and_not_zero() -> None:
    assert parse_oom_kills(b"oom_kill_disable 0\nunder_oom 0\n") is None


@pytest.mark.parametrize("data", [b"", b"oom_kill 3\n", b"oom_kill_disable 0\noom_kill x\n", b"\x00" * 100])
def test_a_file_that_makes_no_sense_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_oom_kills(data), Problem)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    value = parse_oom_kills(data)
    assert value is None or isinstance(value, (int, Problem))
