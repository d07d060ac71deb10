"""Rows of the proof's table, their JSON, and the table of several kernels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TypeVar

Result = TypeVar("Result")

_HEADERS = ("scenario", "kernel", "cgroup", "evidence", "kills", "found", "attributed", "lost", "doubled", "invented", "note")
_NUMERIC = range(4, 10)


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario on one kernel under one way of evidence."""

    scenario: str
    kernel: str
    cgroup: str
    evidence: str
    kills: int = 0
    found: int = 0
    attributed: int = 0
    """Kills whose container (outside pods: whose cgroup) was named rightly."""
    lost: int = 0
    doubled: int = 0
    invented: int = 0
    note: str = ""
    faults: tuple[str, ...] = field(default=())
    """What is wrong beyond the counts: an owner told wrongly, a ground truth that does not hold."""
    skipped: str | None = None
    """Why it did not run here."""

    @property
    def good(self) -> bool:
        """Nothing lost, doubled, invented or told wrongly."""
        return not (self.lost or self.doubled or self.invented or self.faults) and self.found == self.kills


def to_json(rows: Iterable[Row]) -> str:
    """A document that `from_json` reads."""
    return json.dumps({"rows": [asdict(row) for row in rows]}, indent=1) + "\n"


def from_json(text: str) -> list[Row]:
    """Raises ValueError for anything else."""
    document = json.loads(text)
    found = document.get("rows") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise ValueError("found no `rows`, expected results of `oomsight_proof run --json`")
    known = {one.name for one in fields(Row)}
    rows = []
    for entry in found:
        if not isinstance(entry, dict) or not set(entry) <= known or not {"scenario", "kernel", "cgroup", "evidence"} <= set(entry):
            raise ValueError(f"found a row {str(entry)[:80]!r}, expected one of `oomsight_proof run --json`")
        rows.append(Row(**{**entry, "faults": tuple(entry.get("faults", ()))}))
    return rows


def read_files(names: Sequence[str], parse: Callable[[str], list[Result]]) -> list[Result]:
    """The results of several runs. Raises OSError, and ValueError with the file's name."""
    found: list[Result] = []
    for name in names:
        with open(name, encoding="utf-8") as file:
            try:
                found.extend(parse(file.read()))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
    return found


def summary(rows: Iterable[Row]) -> str:
    """The last line."""
    ran = [row for row in rows if row.skipped is None]
    total = {name: sum(getattr(row, name) for row in ran) for name in ("kills", "found", "lost", "doubled", "invented")}
    return " ".join([f"scenarios={len(ran)}", *(f"{name}={number}" for name, number in total.items())])


def exit_code(rows: Sequence[Row]) -> int:
    """0 only when something ran and all of it is right."""
    ran = [row for row in rows if row.skipped is None]
    return 0 if ran and all(row.good for row in ran) else 1


def table(rows: Sequence[Row], *, markdown: bool = False) -> str:
    """Aligned columns, or a Markdown table."""
    cells = [_cells(row) for row in rows]
    if markdown:
        escaped = [[cell.replace("|", "\\|").replace("`", "'") for cell in line] for line in cells]
        rule = ["---:" if index in _NUMERIC else "---" for index in range(len(_HEADERS))]
        return "\n".join(f"| {' | '.join(line)} |" for line in ([*_HEADERS], rule, *escaped))
    widths = [max(len(line[index]) for line in ([*_HEADERS], *cells)) for index in range(len(_HEADERS))]
    lines = []
    for line in ([*_HEADERS], *cells):
        padded = [
            text.rjust(width) if index in _NUMERIC else text.ljust(width)
            for index, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    head = [row.scenario, row.kernel, row.cgroup, row.evidence]
    if row.skipped is not None:
        return [*head, *["-"] * 6, f"skipped: {row.skipped}"]
    numbers = [row.kills, row.found, row.attributed, row.lost, row.doubled, row.invented]
    note = "; ".join([*(f"WRONG: {fault}" for fault in row.faults[:4]), *([row.note] if row.note else [])])
    if len(row.faults) > 4:
        note = f"{note} (and {len(row.faults) - 4} more)"
    return [*head, *map(str, numbers), note]
