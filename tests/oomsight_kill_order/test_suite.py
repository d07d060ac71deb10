"""How the trials are divided over kernels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_kill_order.suite import Lines, at_once, divide, parse, run_arguments


@given(st.integers(1, 5000), st.lists(st.sampled_from(("6.1", "6.12")), unique=True))
def test_every_trial_is_taken_once(trials: int, series: list[str]) -> None:
    parts = divide(trials, series)
    assert sorted(number for numbers in parts.values() for number in numbers) == list(range(trials))
    assert all(len(numbers) for numbers in parts.values())


def test_most_trials_are_for_the_machines_that_may_be_exhausted() -> None:
    parts = divide(1000, ("6.1", "6.12"))
    assert {name: len(numbers) for name, numbers in parts.items()} == {"here": 200, "6.1": 400, "6.12": 400}
    assert divide(150, ()) == {"here": range(150)}


def test_one_kernel_alone_takes_all() -> None:
    assert divide(40, ("6.1", "6.12"), "6.12") == {"6.12": range(40)}


def test_a_trial_is_taken_again_by_its_number() -> None:
    assert run_arguments(4, range(100), [17, 3], "out") == ["run", "--seed", "4", "--only", "17", "--only", "3", "--json", "out"]
    assert run_arguments(4, range(20, 30), [], "out") == ["run", "--seed", "4", "--first", "20", "--trials", "10", "--json", "out"]


@pytest.mark.parametrize("arguments", [["--only", "3"], ["--trials", "0"], ["--kernel", "2.4"]])
def test_what_cannot_be_meant_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert "error" in capsys.readouterr().err


def test_kernels_that_print_at_once_do_not_print_into_each_others_lines(capsys: pytest.CaptureFixture[str]) -> None:
    old, new = Lines("6.1"), Lines("6.12")
    old.write(b"20 of 40")
    new.write(b"40 of 40 trials\r\n")
    old.write(b" trials\nWRONG")
    assert capsys.readouterr().err == "6.12: 40 of 40 trials\n6.1: 20 of 40 trials\n"


def test_one_kernel_that_fails_fails_the_run_and_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    took: list[str] = []

    def good() -> bool:
        took.append("6.12")
        return True

    assert at_once({"6.1": good, "6.12": good})
    assert not at_once({"6.1": lambda: False, "6.12": good})
    assert took == ["6.12"] * 3
    assert "6.1: FAILED" in capsys.readouterr().err
