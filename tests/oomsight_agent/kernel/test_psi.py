import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.psi import parse_pressure
from oomsight_api.report import Pressure

SOME = b"some avg10=0.12 avg60=1.05 avg300=10.00 total=4711000\n"
FULL = b"full avg10=0.00 avg60=0.50 avg300=100.00 total=1500000\n"


def test_both_lines_in_percent_and_seconds() -> None:
    assert parse_pressure(SOME + FULL) == Pressure(
        some_avg10=0.12, some_avg60=1.05, some_avg300=10.0, some_total_seconds=4.711,
        full_avg10=0.0, full_avg60=0.5, full_avg300=100.0, full_total_seconds=1.5,
    )  # fmt: skip


def test_full_may_be_missing_and_is_then_unknown() -> None:
    pressure = parse_pressure(SOME)
    assert isinstance(pressure, Pressure)
    assert (pressure.some_avg60, pressure.full_avg60) == (1.05, None)


@pytest.mark.parametrize(
    "data", [b"", FULL, b"some avg10=a", b"some avg10=0.12 avg60=1.05\n", b"\x00" * 64, SOME.replace(b"0.12", b"nan")]
)
def test_a_file_that_makes_no_sense_is_a_problem(data: bytes) -> None:
    assert isinstance(parse_pressure(data), Problem)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    assert isinstance(parse_pressure(data), Problem)
    assert isinstance(parse_pressure(SOME + data), Pressure)
