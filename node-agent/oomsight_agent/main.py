"""Command line of the node agent: `oomsight-agent [run]` samples and serves, `oomsight-agent top` prints a table and leaves.

Exit codes: 0 done or stopped by a signal, 1 the node's files or the address cannot be had, 2 wrong command line.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence

from oomsight_agent import __version__, logs, preflight, top
from oomsight_agent.arguments import parse
from oomsight_agent.board import Board
from oomsight_agent.kernel.roots import Roots
from oomsight_agent.sampler import Sampler
from oomsight_agent.schedule import Schedule
from oomsight_agent.server import Server
from oomsight_agent.top_view import Options

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `oomsight-agent` script; gives the exit code."""
    options = parse(sys.argv[1:] if argv is None else argv, os.environ, socket.gethostname())
    roots = Roots(options.cgroup_root, options.proc_root, options.container_log_dir)
    found = preflight.check(roots)
    for error in found.errors:
        sys.stderr.write(f"oomsight-agent: {error}\n")
    if found.errors:
        return 1
    return _top(options, roots) if options.command == "top" else _run(options, roots, found.warnings)


def _run(options: argparse.Namespace, roots: Roots, warnings: Sequence[str]) -> int:
    logs.configure(options.log_level)
    for warning in warnings:
        _log.warning("names are unknown", extra={"problem": warning})
    # Blocked here and in every thread to come; the main thread fetches them while it waits for the next sample.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    board = Board(
        os.urandom(8).hex(),
        version=__version__,
        interval_seconds=options.interval_seconds,
        coalesce_seconds=options.coalesce_seconds,
    )
    host, port = options.listen
    try:
        server = Server(board, host, port)
    except OSError as error:
        sys.stderr.write(f"oomsight-agent: --listen {host}:{port}: {error.strerror}, expected a free address of this machine\n")
        return 1
    server.start()
    _log.info("agent listens", extra={"address": host, "port": server.port, "node": options.node_name, "version": __version__})
    if options.port_file:
        _write_port_file(options.port_file, server.port)
    sampler = Sampler(
        roots,
        options.node_name,
        interval_seconds=options.interval_seconds,
        stat_interval_seconds=options.stat_interval_seconds,
    )
    try:
        stopped_by = _sample_until_stopped(sampler, board, options.interval_seconds)
        _log.info("agent stops", extra={"signal": stopped_by})
    finally:
        server.stop()
        sampler.close()
    return 0


def _sample_until_stopped(sampler: Sampler, board: Board, interval_seconds: float) -> str:
    """Sample at once and then on a schedule; gives the name of the signal that ended it."""
    schedule = Schedule(interval_seconds, time.monotonic())
    failing, first = False, True
    while True:
        began = time.monotonic()
        try:
            report = sampler.sample(time.time(), began)
            board.publish(report, time.monotonic() - began, {str(kind): n for kind, n in sampler.read_errors.totals.items()})
        except Exception:  # noqa: BLE001 (whatever one sample meets, the next one is tried)
            board.sample_failed()
            if not failing:
                _log.exception("sample failed: what is told is the last good one, and health turns bad")
            failing = True
        else:
            if first:
                found = {"containers": len(report.containers), "pods": len(report.pods), "cgroup_version": report.cgroup_version}
                _log.info("first sample taken", extra={"duration_seconds": round(time.monotonic() - began, 3), **found})
            elif failing:
                _log.info("sample succeeds again")
            failing = first = False
        received = signal.sigtimedwait(_STOP_SIGNALS, schedule.seconds_until_next(time.monotonic()))
        if received is not None:
            return signal.Signals(received.si_signo).name


def _top(options: argparse.Namespace, roots: Roots) -> int:
    logs.configure("error")
    view = Options(
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
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; the flush at exit must not complain
    finally:
        sampler.close()
    return 0


def _write_port_file(path: str, port: int) -> None:
    """In one step: who waits for the file never reads half of it."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="ascii") as file:
        file.write(f"{port}\n")
    os.replace(temporary, path)


if __name__ == "__main__":
    sys.exit(main())
