"""python -m oomsight_kernel_vm.suite: everything that is proved on real kernels, as `make e2e-kernel` runs it.

First the tests that touch a kernel, on each machine's own cgroup v2. Then the scenarios of `oomsight_proof`: here, with whatever
cgroups this machine has, and in each machine. Last one table of all kernels; its last line is the sum.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from oomsight_kernel_vm.__main__ import write_through
from oomsight_kernel_vm.build import build
from oomsight_kernel_vm.cache import CACHE, CHECKOUT, say
from oomsight_kernel_vm.disks import SOURCE_ROOTS
from oomsight_kernel_vm.errors import MachineDiedError, MachineError
from oomsight_kernel_vm.kernels import Kernel
from oomsight_kernel_vm.machine import Job, run_job
from oomsight_kernel_vm.root import Root

TESTS = ("tests/oomsight_agent", "tests/oomsight_sandbox/kubelet")
# What is pure costs ten times as much here and cannot come out otherwise: incidents, and the parser but for real logs and kills.
PURE = ("--ignore=tests/oomsight_agent/incidents", "--ignore-glob=*/oom_log/test_[!r]*")
EXAMPLES = "--hypothesis-profile=real-kernel"
PYTEST = (
    "python",
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "-n",
    "2",
    "--timeout=300",
    "--tb=short",
    EXAMPLES,
    *PURE,
    *TESTS,
)
# Plain words of a shell, for the swap is there for the scenarios alone.
PROOF = (
    "swapon /dev/vdd && exec python -m oomsight_proof run --allow-node-oom --json /results/proof.json --keep-logs /results/agents"
)
TESTS_SECONDS = 900
PROOF_SECONDS = 1500
RESULTS = CACHE / "proof"
LIVES = 3


def run_tests(kernel: Kernel, root: Root) -> bool:
    """The tests that touch a kernel, in a machine of this one."""
    return run_job(kernel, root, Job(PYTEST, timeout_seconds=TESTS_SECONDS), write_through).exit_code == 0


def prove_in_machine(kernel: Kernel, root: Root) -> bool:
    """The scenarios on one kernel with cgroup v2, node-wide OOMs included."""
    job = Job(("sh", "-c", PROOF), timeout_seconds=PROOF_SECONDS, results=RESULTS / kernel.series)
    return run_job(kernel, root, job, write_through).exit_code == 0


def prove_here() -> bool:
    """The scenarios on this machine's own kernel, in cgroups of their own."""
    here = RESULTS / "here"
    here.mkdir(parents=True)
    return _proof("run", "--json", str(here / "proof.json"), "--keep-logs", str(here / "agents"))


def _proof(*arguments: str) -> bool:
    path = ":".join(str(CHECKOUT / root) for root in SOURCE_ROOTS)
    command = [sys.executable, "-m", "oomsight_proof", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": path}, check=False).returncode == 0


def attempt(name: str, step: Callable[[], bool]) -> bool:
    """Run one step and tell how long it took; a machine that fails is a failed step, and the others still run.

    One whose kernel died proves nothing of us, neither way: the step is taken again, LIVES times in all.
    """
    say(f"{name} ...")
    started = time.monotonic()
    good = False
    for life in range(1, LIVES + 1):
        try:
            good = step()
        except MachineDiedError as error:
            say(f"{error}\n{name}: the machine died, {'once more' if life < LIVES else f'{LIVES} times: given up'}")
            continue
        except MachineError as error:
            say(str(error))
        break
    say(f"{name}: {'passed' if good else 'FAILED'} after {time.monotonic() - started:.0f} s")
    return good


def proofs(series: Sequence[str]) -> list[str]:
    """The results that there are, this machine's first."""
    files = [RESULTS / name / "proof.json" for name in ("here", *series)]
    return [str(file) for file in files if file.exists()]


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        kernels, root = build()
    except MachineError as error:
        say(str(error))
        return 1
    _forget(RESULTS)
    good = [attempt(f"tests on kernel {kernel.series}", partial(run_tests, kernel, root)) for kernel in kernels]
    good.append(attempt("scenarios on this machine", prove_here))
    good += [attempt(f"scenarios on kernel {kernel.series}", partial(prove_in_machine, kernel, root)) for kernel in kernels]
    files = proofs([kernel.series for kernel in kernels])
    good.append(len(files) == 1 + len(kernels))
    return 0 if _proof("merge", *files) and all(good) else 1


def _forget(results: Path) -> None:
    if results.exists():
        shutil.rmtree(results)


if __name__ == "__main__":
    sys.exit(main())
