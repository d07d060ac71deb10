"""How `oomsight-agent kills` looks: pure functions from rows to text."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from oomsight_agent.kills_rows import KillRow
from oomsight_agent.table import GAP, NAME_WIDTH_MIN, Cell, Column, layout, shorten
from oomsight_agent.top_view import EXPLANATION_WIDTH, human_bytes
from oomsight_api.incident import Incident, KernelLog
from oomsight_api.report import NodeReport

FORMATS = ("table", "json")

_WIDTH_OF_OTHERS = 20 + 15 + 5 + 3 * GAP
"""Of the time, a process's name and its memory, without which a line says little."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    output: str = "table"
    """One of FORMATS."""
    headers: bool = True
    width: int | None = None
    """Columns of the terminal; None when it is none, then nothing is cut."""


_COLUMNS = (
    Column("TIME"),
    Column("SCOPE", sacrifice=2, is_text=True),
    Column("LIMIT OF", sacrifice=3, is_text=True),
    Column("VICTIM", is_text=True),
    Column("PROCESS", is_text=True),
    Column("PID", sacrifice=5),
    Column("ANON", sacrifice=1),
    Column("FILE", sacrifice=4),
    Column("SHMEM", sacrifice=4),
    Column("EVIDENCE", sacrifice=6, is_text=True),
)


def render_table(rows: Sequence[KillRow], report: NodeReport, log: KernelLog, options: Options) -> str:
    """The whole text, with what it stands on and what would tell more."""
    cells = [_cells(row, options.width) for row in rows]
    if not options.headers:
        table = layout(_COLUMNS, cells, width=options.width, colour=False, headings=False)
        return "".join(f"{line}\n" for line in table.lines)
    width = min(options.width or EXPLANATION_WIDTH, EXPLANATION_WIDTH)
    table = layout(_COLUMNS, cells, width=options.width, colour=False)
    said = [f"{', '.join(table.left_out)} left out: a wider terminal, or -o json"] if rows and table.left_out else []
    said = [line for sentence in [*said, *_said(rows, report, log)] for line in textwrap.wrap(sentence, width)]
    lines = [*table.lines, ""] if rows else ["No OOM kill can be seen here."]
    return "\n".join([*lines, *said]) + "\n"


def render_json(rows: Sequence[KillRow], incidents: Sequence[Incident], report: NodeReport, log: KernelLog) -> str:
    """The incidents as in the node report, and what counters know beyond them."""
    document: dict[str, Any] = {
        "node": report.node,
        "time_seconds": report.time_seconds,
        "kernel_log": msgspec.to_builtins(log),
        "incidents": msgspec.to_builtins(incidents),
        "counted": [
            {"name": row.victim_name, "oom_kills": row.count} for row in rows if row.victim is None and row.time_seconds is None
        ],
    }
    if report.node_memory.oom_kills is not None:
        document["node_oom_kills"] = report.node_memory.oom_kills
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _cells(row: KillRow, width: int | None) -> list[Cell]:
    victim = row.victim
    name = row.victim_name if width is None else shorten(row.victim_name, max(NAME_WIDTH_MIN, width - _WIDTH_OF_OTHERS))
    if victim is not None:
        process = victim.name or "-"
    elif row.count:
        process = f"{row.count} process{'' if row.count == 1 else 'es'}"
    else:
        process = "nobody"
    sizes = (None, None, None) if victim is None else (victim.anon_rss_bytes, victim.file_rss_bytes, victim.shmem_rss_bytes)
    return [
        Cell("before now" if row.time_seconds is None else _time(row.time_seconds)),
        Cell(row.scope or "-"),
        Cell(row.limit_of),
        Cell(name),
        Cell(process),
        Cell("-" if victim is None or victim.pid is None else str(victim.pid)),
        *(Cell(human_bytes(size)) for size in sizes),
        Cell(row.evidence),
    ]


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _said(rows: Sequence[KillRow], report: NodeReport, log: KernelLog) -> list[str]:
    told = sum(row.count for row in rows)
    counted = report.node_memory.oom_kills
    said = [f"{told} kill{'' if told == 1 else 's'}."]
    if counted is not None:
        beyond = max(0, counted - told)
        said[0] += f" The kernel has counted {counted} since it booted" + (f": {beyond} can no longer be seen." if beyond else ".")
    if log.following:
        said.append(
            "Read: the kernel's log, of which the latest records are kept, and the counters of running containers. "
            "ANON, FILE and SHMEM are what the process held. With each OOM's memory and tasks: oomsight-agent kills -o json"
        )
    else:
        said.append(
            f"Read: the counters of running containers. The kernel's log, which tells who, when and why, cannot be read "
            f"({log.problem}). As root, in a container with securityContext.privileged: true, type: oomsight-agent kills "
            "--kernel-log-path /dev/kmsg"
        )
    said.append("To see who is close to its limit now: oomsight-agent top")
    return said
