"""Command line of the node agent: `oomsight-agent [run]` samples and serves, `top` and `kills` print a table and leave.

Exit codes: 0 done or stopped by a signal, 1 the node's files or the address cannot be had, 2 wrong command line.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence

from oomsight_agent import kills, logs, preflight, run, top
from oomsight_agent.arguments import parse
from oomsight_agent.kernel.roots import Roots
from oomsight_agent.kills_view import Options as KillsOptions
from oomsight_agent.sampler import Sampler
from oomsight_agent.top_view import Options as TopOptions


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `oomsight-agent` script; gives the exit code."""
    options = parse(sys.argv[1:] if argv is None else argv, os.environ, socket.gethostname())
    roots = Roots(options.cgroup_root, options.proc_root, options.container_log_dir)
    found = preflight.check(roots)
    for error in found.errors:
        sys.stderr.write(f"oomsight-agent: {error}\n")
    if found.errors:
        return 1
    if options.command == "run":
        return run.run(options, roots, found.warnings)
    logs.configure("error")
    try:
        return _kills(options, roots) if options.command == "kills" else _top(options, roots)
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; the flush at exit must not complain
    return 0


def _top(options: argparse.Namespace, roots: Roots) -> int:
    view = TopOptions(
        all_cgroups=options.all,
        output=options.output,
        sort_by=options.sort_by,
        headers=not options.no_headers,
        rows_max=options.limit,
        watch_seconds=options.watch,
        colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        width=top.terminal_width(sys.stdout),
    )
    sampler = Sampler(roots, options.node_name)
    try:
        top.run(sampler, view, roots.cgroup_root, sys.stdout)
    finally:
        sampler.close()
    return 0


def _kills(options: argparse.Namespace, roots: Roots) -> int:
    """Prints what can be seen, and says what cannot: a log that may not be read is no failure."""
    view = KillsOptions(output=options.output, headers=not options.no_headers, width=top.terminal_width(sys.stdout))
    sampler = Sampler(roots, options.node_name)
    try:
        kills.run(sampler, options.kernel_log_path, view, sys.stdout)
    finally:
        sampler.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
