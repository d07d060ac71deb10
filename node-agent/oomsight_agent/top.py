"""`oomsight-agent top`: this machine's containers, or all its memory cgroups, as the kernel accounts them; the tightest first.

Reads once and needs no cluster.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

from oomsight_agent.sampler import Sampler
from oomsight_agent.top_rows import rows_of_cgroups, rows_of_report
from oomsight_agent.top_view import Options, render_json, render_table

_CLEAR_SCREEN = "\x1b[H\x1b[2J"


def run(sampler: Sampler, options: Options, cgroup_root: str, out: TextIO, sleep: Callable[[float], None] = time.sleep) -> None:
    """Write the table once, or again every `watch_seconds` until interrupted."""
    while True:
        report = sampler.sample(time.time(), time.monotonic())
        rows = rows_of_cgroups(sampler.sample_all_cgroups()) if options.all_cgroups else rows_of_report(report)
        is_json = options.output == "json"
        text = render_json(rows, options, report) if is_json else render_table(rows, options, cgroup_root)
        if options.watch_seconds and not is_json and out.isatty():
            text = f"{_CLEAR_SCREEN}{text}"
        out.write(text)
        out.flush()
        if not options.watch_seconds:
            return
        sleep(options.watch_seconds)


def terminal_width(out: TextIO) -> int | None:
    """Columns of the terminal that `out` is; None when it is none."""
    return shutil.get_terminal_size().columns if out.isatty() else None
