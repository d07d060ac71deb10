"""How `oomsight-agent top` looks: pure functions from rows to text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from oomsight_agent.table import Cell, Column, Tone, layout
from oomsight_agent.top_rows import Row, sort_rows
from oomsight_api.report import Memory, NodeReport

DANGER_RATIO = 0.05
WARNING_RATIO = 0.15
"""Headroom in parts of the limit up to which a row stands out in red and in yellow."""

EXPLANATION_WIDTH = 100

FORMATS = ("table", "wide", "json")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    all_cgroups: bool = False
    output: str = "table"
    """One of FORMATS."""
    sort_by: str = "headroom"
    """One of SORT_KEYS."""
    headers: bool = True
    rows_max: int | None = None
    watch_seconds: float | None = None
    colour: bool = False
    width: int | None = None
    """Columns of the terminal; None when it is none, then nothing is cut."""


def render_table(rows: Sequence[Row], options: Options, cgroup_root: str) -> str:
    """The whole text, a line that explains it included."""
    hidden = 0
    if options.output != "wide":
        shown = [row for row in rows if not row.is_sandbox]
        hidden, rows = len(rows) - len(shown), shown
    if not rows:
        return _nothing(options, cgroup_root)
    ordered = sort_rows(rows, options.sort_by)[: options.rows_max]
    fields = [field for field in _FIELDS if field.applies(options, ordered)]
    cells = [[field.cell(row) for field in fields] for row in ordered]
    columns = [
        Column("CGROUP" if options.all_cgroups and index == 0 else field.heading, field.sacrifice)
        for index, field in enumerate(fields)
    ]
    width = None if options.output == "wide" else options.width
    table = layout(columns, cells, width=width, colour=options.colour, headings=options.headers)
    text = "\n".join(table.lines) + "\n"
    return f"{text}{_explanation(rows, len(ordered), hidden, table.left_out, options)}" if options.headers else text


def render_json(rows: Sequence[Row], options: Options, report: NodeReport) -> str:
    """The same rows with exact bytes, fields named as in the node report, absent ones left out."""
    ordered = sort_rows(rows, options.sort_by)[: options.rows_max]
    document = {
        "node": report.node,
        "time_seconds": report.time_seconds,
        "cgroups" if options.all_cgroups else "containers": [_json_row(row) for row in ordered],
    }
    encoded = msgspec.json.encode(document)
    return (encoded if options.watch_seconds else msgspec.json.format(encoded, indent=2)).decode() + "\n"


def human_bytes(count: int | None) -> str:
    """`1.5Gi` with about three digits; `-` for unknown."""
    if count is None:
        return "-"
    amount, sign = float(abs(count)), "-" if count < 0 else ""
    if amount < 1024:
        return str(count)
    for unit in ("Ki", "Mi", "Gi", "Ti", "Pi"):
        amount /= 1024
        text = f"{amount:.1f}" if amount < 99.95 else f"{amount:.0f}"
        if float(text) < 1024 or unit == "Pi":
            return f"{sign}{text.removesuffix('.0')}{unit}"
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class _Field:
    heading: str
    cell: Callable[[Row], Cell]
    sacrifice: int = 0
    wide_only: bool = False
    of_containers_only: bool = False

    def applies(self, options: Options, rows: Sequence[Row]) -> bool:
        if self.of_containers_only and options.all_cgroups:
            return False
        return options.output == "wide" or not self.wide_only


def _amount(value: Callable[[Memory], int | None]) -> Callable[[Row], Cell]:
    return lambda row: Cell(human_bytes(value(row.memory)))


def _limit(row: Row) -> Cell:
    if row.memory.limit_bytes is None and row.memory.unlimited:
        return Cell("none", Tone.DIM)
    return Cell(human_bytes(row.memory.limit_bytes))


def _headroom(row: Row) -> Cell:
    ratio = row.headroom_ratio
    if ratio is None or ratio > WARNING_RATIO:
        return Cell(human_bytes(row.memory.headroom_bytes))
    return Cell(human_bytes(row.memory.headroom_bytes), Tone.DANGER if ratio <= DANGER_RATIO else Tone.WARNING)


def _kills(row: Row) -> Cell:
    return Cell("-" if row.kills is None else str(row.kills), Tone.DANGER if row.kills else Tone.PLAIN)


def _oom_score_adj(row: Row) -> Cell:
    least, greatest = row.oom_score_adj_min, row.oom_score_adj_max
    if least is None or greatest is None:
        return Cell("-")
    return Cell(str(least) if least == greatest else f"{least}..{greatest}")


_FIELDS = (
    _Field("CONTAINER", lambda row: Cell(row.name)),
    _Field("USAGE", _amount(lambda memory: memory.usage_bytes)),
    _Field("WORKING-SET", _amount(lambda memory: memory.working_set_bytes)),
    _Field("UNRECLAIMABLE", _amount(lambda memory: memory.unreclaimable_bytes)),
    _Field("CACHE", lambda row: Cell(human_bytes(row.cache_bytes)), sacrifice=2),
    _Field("PEAK", lambda row: Cell(human_bytes(row.peak_bytes)), sacrifice=3),
    _Field("LIMIT", _limit),
    _Field("HEADROOM", _headroom),
    _Field("OOM-ADJ", _oom_score_adj, sacrifice=4),
    _Field("KILLS", _kills, sacrifice=1, of_containers_only=True),
    _Field("ANON", _amount(lambda memory: memory.anon_bytes), wide_only=True),
    _Field("SHMEM", _amount(lambda memory: memory.shmem_bytes), wide_only=True),
    _Field("KERNEL", _amount(lambda memory: memory.kernel_bytes), wide_only=True),
    _Field("SWAP", _amount(lambda memory: memory.swap_bytes), wide_only=True),
    _Field("PROCESSES", lambda row: Cell("-" if row.process_count is None else str(row.process_count)), wide_only=True),
    _Field("ID", lambda row: Cell((row.container_id or "-")[:12]), wide_only=True, of_containers_only=True),
)


def _json_row(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {"name": row.name, "memory": msgspec.to_builtins(row.memory)}
    for field in ("oom_score_adj_min", "oom_score_adj_max", "process_count", "container_id"):
        if getattr(row, field) is not None:
            told[field] = getattr(row, field)
    if row.kills is not None:
        told["oom_kills"] = row.kills
    return told


def _nothing(options: Options, cgroup_root: str) -> str:
    if options.all_cgroups:
        return f"No memory cgroup below {cgroup_root}.\n"
    return (
        f"No container runs here: no pod's cgroup below {cgroup_root}.\n"
        "To see every memory cgroup of this machine: oomsight-agent top --all\n"
    )


def _explanation(rows: Sequence[Row], shown: int, hidden: int, left_out: Sequence[str], options: Options) -> str:
    said = _counted(len(rows), "memory cgroup" if options.all_cgroups else "container", "s")
    said = f"{shown} of {said}" if shown < len(rows) else said
    hints = [f"{', '.join(left_out)} left out: -o wide"] if left_out else []
    hints += [f"{_counted(hidden, 'pod sandbox', 'es')} left out: -o wide"] if hidden else []
    hints += [] if options.all_cgroups else ["every cgroup: --all"]
    meaning = (
        f"{said}. USAGE is all that counts against the limit, page cache included, PEAK its highest so far. WORKING-SET is what "
        "kubectl top shows. UNRECLAIMABLE is what the kernel cannot free, HEADROOM the limit less that: at zero it kills. CACHE it "
        "can free, and kills nobody for it. OOM-ADJ weighs whom it kills when the node runs out: from -1000 (never) to 1000 "
        "(first). A dash: unknown, or not set."
    )
    width = min(options.width or EXPLANATION_WIDTH, EXPLANATION_WIDTH)
    lines = textwrap.wrap(meaning, width) + textwrap.wrap("; ".join([*hints, "to repeat: --watch 2"]), width)
    return "\n" + "\n".join(lines) + "\n"


def _counted(count: int, noun: str, plural: str) -> str:
    return f"{count} {noun}{'' if count == 1 else plural}"
