"""`python -m oomsight_proof run|merge|list`.

Exit codes: 0 everything told once and rightly, 1 something was not, 2 wrong command line or a machine on which nothing can run.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from oomsight_proof import results
from oomsight_proof.machine import MachineError, look
from oomsight_proof.observer import EvidenceMode
from oomsight_proof.results import Row, read_files
from oomsight_proof.runner import Runner, report_progress
from oomsight_proof.scenarios import ALL


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; gives the exit code."""
    options = _parse(argv)
    if options.command == "list":
        for scenario in ALL:
            print(f"{scenario.name}{''.join(f' [{need}]' for need in scenario.needs)}")
        return 0
    try:
        rows = _run(options) if options.command == "run" else read_files(options.files, results.from_json)
    except (MachineError, OSError, ValueError) as error:
        sys.stderr.write(f"oomsight_proof: {error}\n")
        return 2
    print(results.table(rows, markdown=options.markdown))
    print()
    print(results.summary(rows))
    return results.exit_code(rows)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="oomsight_proof", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the scenarios and what they need")
    run = commands.add_parser("run", help="everything that this machine allows")
    run.add_argument("--only", action="append", default=[], metavar="NAME", help="scenarios whose name contains this; repeatable")
    run.add_argument("--skip", action="append", default=[], metavar="NAME", help="not those; repeatable")
    run.add_argument("--evidence", choices=[mode.name.lower() for mode in EvidenceMode], help="one way of evidence alone")
    run.add_argument("--no-agent", action="store_true", help="only compare waitpid with the kernel's own words")
    run.add_argument("--json", metavar="FILE", help="write the rows here, for `merge`")
    run.add_argument(
        "--allow-node-oom", action="store_true", help="exhaust the node's memory; only in a virtual machine of its own"
    )
    run.add_argument("--cgroup-root", default="/sys/fs/cgroup", metavar="DIR", help="default: %(default)s")
    run.add_argument("--keep-logs", metavar="DIR", help="copy the agents' logs here, and what was told where it was wrong")
    merge = commands.add_parser("merge", help="one table of several runs")
    merge.add_argument("files", nargs="+", metavar="FILE")
    for command in (run, merge):
        command.add_argument("--markdown", action="store_true", help="a Markdown table")
    return parser.parse_args(argv)


def _run(options: argparse.Namespace) -> list[Row]:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything is removed
    machine = look(allow_node_oom=options.allow_node_oom, cgroup_root=options.cgroup_root)
    chosen = [
        one
        for one in ALL
        if (not options.only or any(part in one.name for part in options.only))
        and not any(part in one.name for part in options.skip)
    ]
    if not chosen:
        raise ValueError(f"--only {' '.join(options.only)}: found no such scenario, `list` has all")
    modes = [mode for mode in EvidenceMode if options.evidence in (None, mode.name.lower()) and not options.no_agent]
    rows: list[Row] = []
    with Runner(machine, modes, options.cgroup_root, options.keep_logs) as runner:
        for scenario in chosen:
            new = runner.run(scenario)
            report_progress(new)
            rows.extend(new)
            if options.json:
                with open(options.json, "w", encoding="utf-8") as file:
                    file.write(results.to_json(rows))
    return rows


if __name__ == "__main__":
    sys.exit(main())
