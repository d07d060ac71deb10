import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.events import MemoryEvents, parse_events, parse_ooms
from oomsight_agent.kernel.numbers import MOST_COUNTED
from oomsight_agent.kernel.problem import Problem

COUNTS = st.integers(0, MOST_COUNTED)


@given(high=COUNTS, limit=COUNTS, kills=COUNTS)
def test_the_counters_are_read_as_written(high: int, limit: int, kills: int) -> None:
    data = f"low 1\nhigh {high}\nmax {limit}\noom 9\noom_kill {kills}\noom_group_kill 0\nsock_throttled 7\n".encode()
    assert parse_events(data) == MemoryEvents(high, limit, kills)


def test_ooms_of_the_own_limit_are_counted_killed_or_not() -> None:
    assert parse_ooms(b"low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n") == 4
    assert parse_ooms(b"low 0\nhigh 0\nmax 9\n") is None
    assert isinstance(parse_ooms(b"oom many\n"), Problem)


def test_before_4_13_kills_are_not_counted_which_is_unknown_and_not_zero() -> None:
    assert parse_events(b"low 0\nhigh 1\nmax 2\noom 3\n") == MemoryEvents(1, 2, None)


@pytest.mark.parametrize(("kills", "group_kills", "processes"), [(1, 0, 1), (2, 1, 1), (4, 1, 3), (5, 1, 4), (4, 2, 2), (1, 1, 1)])
def test_the_first_victim_of_a_group_is_counted_once_though_the_kernel_counts_it_twice(
    kills: int, group_kills: int, processes: int
) -> None:
    data = f"low 0\nhigh 0\nmax 37\noom 1\noom_kill {kills}\noom_group_kill {group_kills}\n".encode()
    assert parse_events(data) == MemoryEvents(0, 37, processes)


@given(kills=COUNTS, group_kills=COUNTS)
def test_no_group_kill_hides_that_something_was_killed(kills: int, group_kills: int) -> None:
    found = parse_events(f"oom_kill {kills}\noom_group_kill {group_kills}\n".encode())
    assert isinstance(found, MemoryEvents)
    assert found.oom_kills is not None
    assert min(kills, 1) <= found.oom_kills <= kills


@pytest.mark.parametrize(
    "data",
    [b"", b"oom_kill many\n", b"max \n", b"\xff\x00", b"oom_group_kill 1\n", b"oom_kill 1\noom_group_kill x\n", b"max 1 2\n"],
)
def test_a_file_that_makes_no_sense_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_events(data), Problem)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    assert isinstance(parse_events(data), (MemoryEvents, Problem))
