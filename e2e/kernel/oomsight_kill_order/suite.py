"""python -m oomsight_kill_order.suite: the trials divided over this kernel and those of the machines (`make bench-killorder`).

All kernels at once: a trial keeps one processor busy at most. Here, with whatever cgroups this machine has, no node is exhausted,
and most often no negative oom_score_adj may be set: most trials are for the machines. Last one table of all kernels; its last line
is the sum.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial

from oomsight_kernel_vm.build import build
from oomsight_kernel_vm.cache import CACHE, CHECKOUT, say
from oomsight_kernel_vm.disks import SOURCE_ROOTS
from oomsight_kernel_vm.errors import MachineError
from oomsight_kernel_vm.kernels import SERIES, Kernel
from oomsight_kernel_vm.machine import Job, run_job
from oomsight_kernel_vm.root import Root
from oomsight_kernel_vm.suite import attempt
from oomsight_kill_order.__main__ import DEFAULT_SEED

HERE = "here"
HERE_SHARE = 0.2
MEMORY_MIB = 512
"""So little that it is quick to exhaust."""
BOOT_SECONDS = 300
TRIAL_SECONDS = 10
RESULTS = CACHE / "kill-order"


def divide(trials: int, series: Sequence[str], only: str | None = None) -> dict[str, range]:
    """Which numbers of the run each kernel takes; together all, none twice. `only`: one kernel takes all."""
    if only is not None:
        return {only: range(trials)}
    here = round(trials * HERE_SHARE) if series else trials
    places = [(HERE, here)]
    left = trials - here
    for index, name in enumerate(series):
        share = left // (len(series) - index)
        places.append((name, share))
        left -= share
    parts: dict[str, range] = {}
    start = 0
    for name, count in places:
        if count:
            parts[name] = range(start, start + count)
            start += count
    return parts


class Lines:
    """What one kernel prints, whole lines with its name before them, so that several can print at once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rest = b""

    def write(self, printed: bytes) -> None:
        """As it comes."""
        *lines, self._rest = (self._rest + printed).split(b"\n")
        for line in lines:
            sys.stderr.write(f"{self._name}: {line.decode(errors='replace').rstrip()}\n")
        sys.stderr.flush()


def run_arguments(seed: int, numbers: range, only: Sequence[int], json_file: str) -> list[str]:
    """Of `oomsight_kill_order run`."""
    which = [word for number in only for word in ("--only", str(number))]
    which = which or ["--first", str(numbers.start), "--trials", str(len(numbers))]
    return ["run", "--seed", str(seed), *which, "--json", json_file]


def in_machine(kernel: Kernel, root: Root, seed: int, numbers: range, only: Sequence[int]) -> bool:
    """The trials on one kernel with cgroup v2, node-wide OOMs included. Whether they ran: what they showed is for the table."""
    arguments = " ".join(run_arguments(seed, numbers, only, "/results/trials.json"))
    command = f"swapon /dev/vdd && exec python -m oomsight_kill_order {arguments} --allow-node-oom"
    seconds = BOOT_SECONDS + TRIAL_SECONDS * (len(only) or len(numbers))
    job = Job(("sh", "-c", command), memory_mib=MEMORY_MIB, timeout_seconds=seconds, results=RESULTS / kernel.series)
    return run_job(kernel, root, job, Lines(kernel.series).write).exit_code in {0, 1}


def here(seed: int, numbers: range, only: Sequence[int]) -> bool:
    """The same on this machine's own kernel, in cgroups of their own."""
    folder = RESULTS / HERE
    folder.mkdir(parents=True)
    command, environment = _command(*run_arguments(seed, numbers, only, str(folder / "trials.json")))
    lines = Lines(HERE)
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        while printed := os.read(process.stdout.fileno(), 65536):
            lines.write(printed)
    return process.returncode in {0, 1}


def _command(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """With its environment."""
    path = ":".join(str(CHECKOUT / root) for root in SOURCE_ROOTS)
    return [sys.executable, "-m", "oomsight_kill_order", *arguments], {**os.environ, "PYTHONPATH": path}


def at_once(steps: dict[str, Callable[[], bool]]) -> bool:
    """Takes all of them, each in a thread of its own; whether all passed."""
    good: dict[str, bool] = {}

    def take(name: str, step: Callable[[], bool]) -> None:
        good[name] = attempt(name, step)

    threads = [threading.Thread(target=take, args=named, name=named[0], daemon=True) for named in steps.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(good) == len(steps) and all(good.values())


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m oomsight_kill_order.suite", description=__doc__)
    parser.add_argument("--trials", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="default: %(default)s")
    parser.add_argument("--kernel", choices=[HERE, *SERIES], help="all on this one")
    parser.add_argument("--only", type=int, action="append", default=[], metavar="NUMBER", help="this trial; needs --kernel")
    parser.add_argument("--markdown", action="store_true", help="a Markdown table")
    options = parser.parse_args(arguments)
    if options.trials < 1:
        parser.error(f"--trials {options.trials}: expected at least 1")
    if options.only and options.kernel is None:
        parser.error("--only needs --kernel: on another kernel the same number is another trial")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        kernels, root = build()
    except MachineError as error:
        say(str(error))
        return 1
    if RESULTS.exists():
        shutil.rmtree(RESULTS)
    by_series = {kernel.series: kernel for kernel in kernels}
    parts = divide(options.trials, list(by_series), options.kernel)
    steps: dict[str, Callable[[], bool]] = {}
    for name, numbers in parts.items():
        step = partial(here, options.seed, numbers, options.only)
        if name != HERE:
            step = partial(in_machine, by_series[name], root, options.seed, numbers, options.only)
        steps[f"kill order, {len(options.only) or len(numbers)} trials, kernel {name}"] = step
    good = at_once(steps)
    files = [str(file) for name in parts if (file := RESULTS / name / "trials.json").exists()]
    if not files:
        return 1
    command, environment = _command("merge", *(["--markdown"] if options.markdown else []), *files)
    met = subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode == 0
    return 0 if met and good and len(files) == len(parts) else 1


if __name__ == "__main__":
    sys.exit(main())
