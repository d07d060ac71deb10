"""The command line: what is run, and what is said when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from oomsight_kernel_vm import __main__ as program
from oomsight_kernel_vm import build
from oomsight_kernel_vm.disks import Outcome
from oomsight_kernel_vm.errors import MachineError
from oomsight_kernel_vm.kernels import Kernel
from oomsight_kernel_vm.machine import Job
from oomsight_kernel_vm.root import Root

KERNEL = Kernel("6.1", "6.1.192-2", Path("/kernels/6.1"))


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Kernel, Job]]:
    """Every job that a machine would have got; each ends with 3."""
    given: list[tuple[Kernel, Job]] = []

    def run(kernel: Kernel, _root: Root, job: Job, _write: object) -> Outcome:
        given.append((kernel, job))
        return Outcome(3, ())

    monkeypatch.setattr(program, "build", lambda update: ((KERNEL,), Root(Path("/roots/1"))))
    monkeypatch.setattr(program, "run_job", run)
    return given


def test_a_command_runs_as_it_is_typed_and_its_exit_code_is_ours(jobs: list[tuple[Kernel, Job]]) -> None:
    assert program.main(["run", "--kernel", "6.1", "--", "python", "-m", "pytest", "--kernel", "-q"]) == 3
    ((kernel, job),) = jobs
    assert kernel is KERNEL
    assert list(job.command) == ["python", "-m", "pytest", "--kernel", "-q"]


def test_a_kernel_that_is_not_on_offer_is_an_error_of_the_machine(
    jobs: list[tuple[Kernel, Job]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["run", "--kernel", "6.12", "--", "true"]) == program.MACHINE_FAILED
    assert "there is no kernel 6.12, only 6.1" in capsys.readouterr().err
    assert jobs == []


def test_what_is_missing_is_said_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "missing_tools", lambda: ("qemu-system-x86", "mmdebstrap"))
    with pytest.raises(MachineError, match="apt-get install --no-install-recommends qemu-system-x86 mmdebstrap"):
        build.build()
