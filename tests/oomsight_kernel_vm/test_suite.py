"""A step of the suite: passed, failed, or taken again because the machine died under it."""

from __future__ import annotations

import pytest

from oomsight_kernel_vm.errors import MachineDiedError, MachineError
from oomsight_kernel_vm.suite import LIVES, attempt


class Step:
    """Ends as told, one end a call."""

    def __init__(self, *ends: bool | MachineError) -> None:
        self.ends = list(ends)

    def __call__(self) -> bool:
        end = self.ends.pop(0)
        if isinstance(end, MachineError):
            raise end
        return end


def test_a_machine_that_died_is_no_failure_of_what_was_to_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    step = Step(MachineDiedError("kernel 6.12: panic"), True)
    assert attempt("tests", step)
    told = "".join(capsys.readouterr())
    assert "kernel 6.12: panic\ntests: the machine died, once more" in told
    assert "tests: passed" in told


def test_one_that_always_dies_fails(capsys: pytest.CaptureFixture[str]) -> None:
    step = Step(*[MachineDiedError("panic")] * LIVES, True)
    assert not attempt("tests", step)
    assert step.ends == [True]
    assert f"the machine died, {LIVES} times: given up" in "".join(capsys.readouterr())


@pytest.mark.parametrize("end", [False, MachineError("no answer within 900 s")])
def test_a_failure_is_not_tried_again(end: bool | MachineError) -> None:
    step = Step(end, True)
    assert not attempt("tests", step)
    assert step.ends == [True]
