from __future__ import annotations

import subprocess
import sys
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_api.quantity import MAX_VALUE, QuantityError, format_bytes, human_bytes, parse_bytes, parse_millicores

KI, MI, GI = 2**10, 2**20, 2**30


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("512Mi", 512 * MI),
        ("1.5Gi", 1536 * MI),
        ("128974848", 128974848),
        ("129e6", 129_000_000),
        ("129M", 129_000_000),
        ("128974848000m", 128974848),
        ("123Mi", 128974848),
        ("1k", 1000),
        (".5Ki", 512),
        ("5.", 5),
        ("+3Ki", 3 * KI),
        ("1E", 10**18),
        ("1E3", 1000),
        ("2e-3", 1),
        ("1Ei", 2**60),
        (42, 42),
    ],
)
def test_bytes_are_read_as_kubernetes_reads_them(text: str | int, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("0.1", 1), ("1.0000000001Ki", 1025), ("1n", 1), ("1m", 1), ("1e-99", 1)])
def test_a_fraction_of_a_byte_is_rounded_up(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["9e18", "8Ei", "1e30", "1e999999999999", "99999999999999999999E", 10**40])
def test_huge_quantities_are_capped_where_kubernetes_caps_them(text: str | int) -> None:
    assert parse_bytes(text) == (9 * 10**18 if text == "9e18" else MAX_VALUE)


@pytest.mark.parametrize("text", ["0e999999999999", "0.000e-99999", "0Ei"])
def test_nothing_stays_nothing_whatever_its_exponent(text: str) -> None:
    assert parse_bytes(text) == 0


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "512 Mi", " 512Mi", "512Mi\n", "1_000", "NaN", "Infinity", "-inf", "0x10", "\u0665\u0661\u0662Mi", "\uff15Mi"),
        *("1,5Gi", "512MB", "512mi", "512ki", "1ni", "Mi", ".", "e5", "1e", "1e1.5", "1e5Mi", "--1", "5" * 33, "\x00", "1\u200bMi"),
    ],
)
def test_what_kubernetes_refuses_is_refused_with_what_was_found_and_expected(text: str) -> None:
    with pytest.raises(QuantityError, match="is no quantity, expected bytes such as 512Mi") as refused:
        parse_bytes(text)
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("value", [-1, -(10**40), True, None, 1.5, b"1", ["1"]])
def test_other_types_and_negative_numbers_are_refused(value: object) -> None:
    with pytest.raises(QuantityError):
        parse_bytes(value)  # type: ignore[arg-type]


def test_a_number_too_long_to_print_is_refused_without_printing_it() -> None:
    with pytest.raises(QuantityError, match="a number is negative"):
        parse_bytes(-(10**5000))


def test_a_refusal_shows_a_long_text_shortened() -> None:
    with pytest.raises(QuantityError) as refused:
        parse_bytes("9" * 1_000_000)
    assert "(1000000 characters)" in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("text", "expected"), [("250m", 250), ("0.5", 500), ("2", 2000), (2, 2000), ("100u", 1), ("1k", 1_000_000)]
)
def test_cpu_is_read_in_millicores(text: str | int, expected: int) -> None:
    assert parse_millicores(text) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, "0"),
        (1, "1"),
        (1023, "1023"),
        (KI, "1Ki"),
        (512 * MI, "512Mi"),
        (1536 * MI, "1536Mi"),
        (2 * GI, "2Gi"),
        (MI + 1, "1048577"),
        (500 * 10**6, "500M"),
        (512 * 10**6, "512M"),
        (2 * 10**9, "2G"),
        (1024 * 10**6, "1024M"),
        (1000, "1000"),
    ],
)
def test_bytes_are_written_as_a_person_would(size_bytes: int, expected: str) -> None:
    assert format_bytes(size_bytes) == expected


def test_negative_bytes_are_no_quantity() -> None:
    with pytest.raises(QuantityError, match="-1 is negative"):
        format_bytes(-1)


@given(st.integers(min_value=0, max_value=MAX_VALUE))
def test_what_is_written_is_read_back_exactly(size_bytes: int) -> None:
    assert parse_bytes(format_bytes(size_bytes)) == size_bytes


@given(st.decimals(min_value=0, max_value=10**9, places=6), st.sampled_from(["", "k", "M", "Ki", "Mi", "Gi", "m"]))
def test_arithmetic_is_exact_for_every_unit(number: Decimal, unit: str) -> None:
    factor = {"": Decimal(1), "k": Decimal(1000), "M": Decimal(10**6), "m": Decimal("0.001")}.get(unit) or Decimal(
        1024 ** ("KMG".index(unit[0]) + 1)
    )
    assert parse_bytes(f"{number:f}{unit}") == min(int((number * factor).to_integral_value(ROUND_CEILING)), MAX_VALUE)


@given(
    st.text() | st.text(alphabet="0123456789.eE+-KMGTPEinumk_ ", max_size=34) | st.from_regex(r"[0-9.]{1,20}[eE][+-]?[0-9]{1,20}")
)
def test_any_text_is_a_bounded_number_or_a_clear_refusal(text: str) -> None:
    try:
        assert 0 <= parse_bytes(text) <= MAX_VALUE
    except QuantityError as refused:
        assert str(refused).isprintable()  # noqa: PT017 - either outcome is right, and this is what must hold for it


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        *((0, "0"), (999, "999"), (1536 * MI, "1.5Gi"), (1_500_000, "1.43Mi"), (-3 * MI, "-3Mi"), (100 * MI + 5, "100Mi")),
        *((1023 * MI + 900_000, "1Gi"), (KI - 1, "1023"), (12_345_678, "11.8Mi")),
    ],
)
def test_sentences_show_three_digits(size_bytes: int, expected: str) -> None:
    assert human_bytes(size_bytes) == expected


@given(st.integers(min_value=1, max_value=MAX_VALUE))
def test_the_rounded_form_is_within_a_percent(size_bytes: int) -> None:
    assert abs(parse_bytes(human_bytes(size_bytes)) - size_bytes) <= max(size_bytes // 100, 1)


def test_importing_the_module_does_not_load_the_kubernetes_client() -> None:
    code = "import sys, oomsight_api.policy; sys.exit('kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
