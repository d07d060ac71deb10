import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.numbers import (
    MAX,
    MOST_COUNTED,
    find_kilobytes,
    find_number,
    parse_limit,
    parse_limit_or_max,
    parse_number,
    parse_oom_score_adj,
)
from oomsight_agent.kernel.problem import Problem


@given(st.integers(min_value=0, max_value=MOST_COUNTED))
def test_every_counter_of_a_machine_is_read_as_it_was_written(value: int) -> None:
    assert parse_number(b"%d\n" % value) == value
    assert find_number(b"\na 1\nkey %d\nz 2\n" % value, b"\nkey ") == value


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_limit_may_be_as_large_as_the_kernel_allows(value: int) -> None:
    assert parse_limit(b"%d\n" % value) == value
    assert parse_limit_or_max(b"%d\n" % value) == value


@given(st.integers(min_value=2**63, max_value=10**25))
def test_what_no_machine_has_is_a_problem_so_that_one_file_cannot_spoil_the_whole_report(value: int) -> None:
    data = b"%d\n" % value
    for parse in (parse_number, parse_limit, parse_limit_or_max, parse_oom_score_adj):
        assert isinstance(parse(data), Problem)
    assert isinstance(find_number(b"\nkey " + data, b"\nkey "), Problem)
    assert isinstance(find_kilobytes(b"\nkey: %d kB\n" % (value // 1024), b"\nkey:"), Problem)


@given(st.integers(min_value=-1000, max_value=1000))
def test_an_adjustment_may_be_negative(value: int) -> None:
    assert parse_oom_score_adj(b"%d\n" % value) == value


@pytest.mark.parametrize("data", [b"1001", b"-1001", b"--5", b"-", b"+5", b""])
def test_an_adjustment_beyond_the_kernels_range_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_oom_score_adj(data), Problem)


@pytest.mark.parametrize("data", [b"", b"\n", b"-1", b"+1", b"1_000", b"0x10", b"1 2", b"9" * 21, b"\x00\x00", b"max", b"\xd9\xa1"])
def test_what_is_no_plain_decimal_number_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_number(data), Problem)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_give_a_number_or_a_problem(data: bytes) -> None:
    for parse in (parse_number, parse_oom_score_adj, parse_limit, parse_limit_or_max):
        value = parse(data)
        assert isinstance(value, (int, Problem)) or value is MAX
    assert find_number(b"\n" + data, b"\nkey ") is None or b"\nkey " in b"\n" + data


def test_no_limit_is_not_unknown() -> None:
    assert parse_limit_or_max(b"max\n") is MAX


def test_the_first_of_two_equal_keys_wins_and_a_missing_key_is_none() -> None:
    assert find_number(b"\nkey 1\nkey 2", b"\nkey ") == 1
    assert find_number(b"\nkey 1", b"\nother ") is None


def test_a_key_is_never_found_inside_another() -> None:
    assert find_number(b"\ntotal_rss_huge 5\ntotal_rss 7\n", b"\ntotal_rss ") == 7


def test_kilobytes_become_bytes() -> None:
    assert find_kilobytes(b"\nMemTotal:       24684084 kB\n", b"\nMemTotal:") == 24684084 * 1024
    assert isinstance(find_kilobytes(b"\nMemTotal:  much kB\n", b"\nMemTotal:"), Problem)
