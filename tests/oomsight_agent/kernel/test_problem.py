from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.problem import printable, printable_text, problem


@given(st.binary(max_size=200))
def test_any_bytes_become_printable_ascii_and_can_be_told_apart(data: bytes) -> None:
    text = printable(data)
    assert text.isascii()
    assert text.isprintable()
    restored = text.encode("ascii").decode("unicode_escape").encode("latin-1")
    assert restored == data


@given(st.text(max_size=100))
def test_any_file_name_becomes_printable_ascii(name: str) -> None:
    text = printable_text(name)
    assert text.isascii()
    assert text.isprintable()


def test_an_undecodable_file_name_shows_its_bytes() -> None:
    assert printable_text(b"a\xff\n".decode("utf-8", "surrogateescape")) == "a\\xff\\x0a"


def test_a_forged_second_line_stays_in_one_line() -> None:
    assert printable(b"x\n<3>Killed process 1") == "x\\x0a<3>Killed process 1"


def test_a_problem_says_what_was_expected_and_shows_a_short_excerpt() -> None:
    assert str(problem("a decimal number", b"twelve\n")) == "expected a decimal number, found 'twelve\\x0a'"
    assert str(problem("a decimal number", b"")) == "expected a decimal number, found an empty file"
    long = str(problem("a decimal number", b"x" * 5000))
    assert "(5000 bytes)" in long
    assert len(long) < 130
