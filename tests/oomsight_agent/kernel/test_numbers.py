import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.numbers import (
    MAX,
    find_kilobytes,
    find_number,
    parse_number,
    parse_number_or_max,
    parse_signed_number,
)
from oomsight_agent.kernel.problem import Problem


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_every_counter_of_64_bits_is_read_as_it_was_written(value: int) -> None:
    assert parse_number(b"%d\n" % value) == value
    assert parse_number_or_max(b"%d\n" % value) == value
    assert find_number(b"\na 1\nkey %d\nz 2\n" % value, b"\nkey ") == value


@given(st.integers(min_value=-1000, max_value=1000))
def test_an_adjustment_may_be_negative(value: int) -> None:
    assert parse_signed_number(b"%d\n" % value) == value


@pytest.mark.parametrize("data", [b"", b"\n", b"-1", b"+1", b"1_000", b"0x10", b"1 2", b"9" * 21, b"\x00\x00", b"max", b"\xd9\xa1"])
def test_what_is_no_plain_decimal_number_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_number(data), Problem)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_give_a_number_or_a_problem(data: bytes) -> None:
    for parse in (parse_number, parse_signed_number, parse_number_or_max):
        value = parse(data)
        assert isinstance(value, (int, Problem)) or value is MAX
    assert find_number(b"\n" + data, b"\nkey ") is None or b"\nkey " in b"\n" + data


def test_no_limit_is_not_unknown() -> None:
    assert parse_number_or_max(b"max\n") is MAX


def test_the_first_of_two_equal_keys_wins_and_a_missing_key_is_none() -> None:
    assert find_number(b"\nkey 1\nkey 2", b"\nkey ") == 1
    assert find_number(b"\nkey 1", b"\nother ") is None


def test_a_key_is_never_found_inside_another() -> None:
    assert find_number(b"\ntotal_rss_huge 5\ntotal_rss 7\n", b"\ntotal_rss ") == 7


def test_kilobytes_become_bytes() -> None:
    assert find_kilobytes(b"\nMemTotal:       24684084 kB\n", b"\nMemTotal:") == 24684084 * 1024
    assert isinstance(find_kilobytes(b"\nMemTotal:  much kB\n", b"\nMemTotal:"), Problem)
