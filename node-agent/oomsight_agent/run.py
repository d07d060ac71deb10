"""`oomsight-agent run`: makes the agent of its parts, and takes them apart when a signal comes."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from oomsight_agent import __version__, logs
from oomsight_agent.board import Board
from oomsight_agent.incidents.tracker import IncidentTracker
from oomsight_agent.kernel.roots import Roots
from oomsight_agent.kernel_log import open_log
from oomsight_agent.loop import Loop
from oomsight_agent.sampler import Sampler
from oomsight_agent.server import Server
from oomsight_agent.wakeups import Wakeups

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger(__name__)


def run(options: argparse.Namespace, roots: Roots, warnings: Sequence[str]) -> int:
    """Sample and serve until stopped; gives the exit code. To be called in the main thread."""
    logs.configure(options.log_level)
    for warning in warnings:
        _log.warning("names are unknown", extra={"problem": warning})
    with ExitStack() as parts:
        wakeups = Wakeups(_STOP_SIGNALS)
        parts.callback(wakeups.close)
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
        parts.callback(server.stop)
        where = {"address": host, "port": server.port, "node": options.node_name, "version": __version__}
        _log.info("agent listens", extra=where)
        if options.port_file:
            _write_port_file(options.port_file, server.port)
        stopped_by = _loop(options, roots, board, wakeups, parts).run()
        _log.info("agent stops", extra={"signal": stopped_by})
    return 0


def _loop(options: argparse.Namespace, roots: Roots, board: Board, wakeups: Wakeups, parts: ExitStack) -> Loop:
    sampler = Sampler(
        roots,
        options.node_name,
        interval_seconds=options.interval_seconds,
        stat_interval_seconds=options.stat_interval_seconds,
        notify=True,
    )
    parts.callback(sampler.close)
    log, log_state = open_log(options.kernel_log_path, sampler.page_size_bytes) if options.kernel_log else (None, None)
    if log is not None:
        parts.callback(log.close)
    return Loop(
        sampler,
        IncidentTracker(sampler.boot_id),
        board,
        wakeups,
        interval_seconds=options.interval_seconds,
        log=log,
        log_state=log_state,
    )


def _write_port_file(path: str, port: int) -> None:
    """In one step: who waits for the file never reads half of it."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="ascii") as file:
        file.write(f"{port}\n")
    os.replace(temporary, path)
