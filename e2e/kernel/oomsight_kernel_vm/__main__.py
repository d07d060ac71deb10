"""python -m oomsight_kernel_vm: build machines, and run a command in one."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from oomsight_kernel_vm.build import build
from oomsight_kernel_vm.cache import say
from oomsight_kernel_vm.errors import MachineError
from oomsight_kernel_vm.kernels import SERIES, Kernel
from oomsight_kernel_vm.machine import Job, run_job

MACHINE_FAILED = 125
"""Exit code when the machine and not the command failed; as `docker run` has it."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m oomsight_kernel_vm", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    building = actions.add_parser("build", help="make what machines need; does nothing when it is there")
    building.add_argument("--update", action="store_true", help="look for newer kernels")
    running = actions.add_parser("run", help="run a command as root in a fresh machine, in the project's folder")
    running.add_argument("--kernel", choices=SERIES, default=SERIES[0])
    running.add_argument("--memory-mib", type=int, default=2048)
    running.add_argument("--timeout-seconds", type=float, default=1800)
    running.add_argument("--results", type=Path, help="folder for what the command leaves in /results")
    running.add_argument("command", nargs="+", metavar="-- COMMAND")
    return parser.parse_args(arguments)


def find_kernel(kernels: Sequence[Kernel], series: str) -> Kernel:
    for kernel in kernels:
        if kernel.series == series:
            return kernel
    there = ", ".join(kernel.series for kernel in kernels)
    raise MachineError(f"there is no kernel {series}, only {there}: this machine's package sources do not offer it")


def write_through(printed: bytes) -> None:
    sys.stdout.buffer.write(printed)
    sys.stdout.buffer.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        kernels, root = build(update=options.action == "build" and options.update)
        if options.action == "build":
            for kernel in kernels:
                say(f"ready: kernel {kernel.series} ({kernel.version})")
            return 0
        job = Job(options.command, {}, options.memory_mib, options.timeout_seconds, options.results)
        return run_job(find_kernel(kernels, options.kernel), root, job, write_through).exit_code
    except MachineError as error:
        say(str(error))
        return MACHINE_FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
