"""`python -m oomsight_kill_order run|merge`: trials on this machine's kernel, and one table of several kernels.

Exit codes: 0 the targets are met, 1 they are not, 2 wrong command line or a machine on which nothing can run.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from oomsight_kill_order import results
from oomsight_kill_order.results import Trial, Verdict
from oomsight_kill_order.run import run
from oomsight_proof.machine import MachineError, look
from oomsight_proof.results import read_files

DEFAULT_SEED = 4
PROGRESS_EVERY = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; gives the exit code."""
    options = _parse(argv)
    try:
        trials = _run(options) if options.command == "run" else read_files(options.files, results.from_json)
    except (MachineError, OSError, ValueError) as error:
        sys.stderr.write(f"oomsight_kill_order: {error}\n")
        return 2
    print(report(trials, markdown=options.markdown))
    return 1 if results.faults(trials) else 0


def report(trials: Sequence[Trial], *, markdown: bool = False) -> str:
    """The table, what is not as it should be, and the sum."""
    parts = [results.table(trials, markdown=markdown), "", results.differences_table(trials)]
    parts += [f"FAILED: {fault}" for fault in results.faults(trials)]
    return "\n".join([*(part for part in parts if part), results.summary(trials)])


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="oomsight_kill_order", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="trials on this machine")
    running.add_argument("--trials", type=int, default=100, help="default: %(default)s")
    running.add_argument("--first", type=int, default=0, metavar="NUMBER", help="the first trial's number, default: %(default)s")
    running.add_argument("--seed", type=int, default=DEFAULT_SEED, help="default: %(default)s")
    running.add_argument("--only", type=int, action="append", metavar="NUMBER", help="this trial alone, told whole; repeatable")
    running.add_argument("--json", metavar="FILE", help="write the trials here, for `merge`")
    running.add_argument(
        "--allow-node-oom", action="store_true", help="exhaust the node's memory; only in a virtual machine of its own"
    )
    running.add_argument("--cgroup-root", default="/sys/fs/cgroup", metavar="DIR", help="default: %(default)s")
    merging = commands.add_parser("merge", help="one table of several runs")
    merging.add_argument("files", nargs="+", metavar="FILE")
    for command in (running, merging):
        command.add_argument("--markdown", action="store_true", help="a Markdown table")
    return parser.parse_args(argv)


def _run(options: argparse.Namespace) -> list[Trial]:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything is removed
    machine = look(allow_node_oom=options.allow_node_oom, cgroup_root=options.cgroup_root)
    numbers = options.only or range(options.first, options.first + options.trials)
    trials: list[Trial] = []
    for trial in run(machine, options.cgroup_root, options.seed, numbers):
        trials.append(trial)
        _tell(trial, len(trials), len(numbers), whole=bool(options.only))
        if options.json and (len(trials) % PROGRESS_EVERY == 0 or len(trials) == len(numbers)):
            with open(options.json, "w", encoding="utf-8") as file:
                file.write(results.to_json(trials))
    return trials


def _tell(trial: Trial, done: int, of: int, *, whole: bool) -> None:
    """One that is not right, and every so often how far it is."""
    unfit = trial.verdict in {Verdict.WRONG, Verdict.VOID} or trial.group_right is False or (trial.note and not trial.hit)
    if unfit or whole:
        where = f"kernel {trial.kernel} {trial.cgroup} --seed {trial.seed} --only {trial.number}"
        what = f"{trial.domain}, {trial.trigger}, {trial.shape}"
        sys.stderr.write(f"{trial.verdict.upper()} ({what}; {where}): {trial.note}\n")
    if done % PROGRESS_EVERY == 0 or done == of:
        sys.stderr.write(f"{done} of {of} trials, the last in {trial.seconds:.1f} s\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
