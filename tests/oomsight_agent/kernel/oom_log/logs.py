"""Logs for tests: real ones from `fixtures/`, and made ones from plain lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from oomsight_agent.kernel.kmsg_record import KmsgRecord, parse_record
from oomsight_agent.kernel.oom_log.assembler import OomLog
from oomsight_agent.kernel.oom_log.model import LogOom
from oomsight_agent.kernel.problem import Problem

FIXTURES = Path(__file__).with_name("fixtures")
NAMES = sorted(path.stem for path in FIXTURES.glob("*.txt"))


def raw_records(name: str) -> list[bytes]:
    """What each read() gave: a line, and the lines ` KEY=value` that belong to it."""
    raw: list[bytes] = []
    for line in (FIXTURES / f"{name}.txt").read_bytes().splitlines(keepends=True):
        if line.startswith(b" "):
            raw[-1] += line
        else:
            raw.append(line)
    return raw


def real_log(name: str) -> list[KmsgRecord]:
    return [parsed(raw) for raw in raw_records(name)]


def parsed(raw: bytes) -> KmsgRecord:
    record = parse_record(raw)
    assert not isinstance(record, Problem), record
    return record


def log(*lines: bytes | tuple[str, bytes], first: int = 100, usec: int = 5_000_000) -> list[KmsgRecord]:
    """Facility 0, one after the other, 10 us apart; `("c", b"text")` has the flag c."""
    return [
        KmsgRecord(first + at, usec + 10 * at, 0, 4, line[0].encode() if isinstance(line, tuple) else b"-", b"", _text(line))
        for at, line in enumerate(lines)
    ]


def _text(line: bytes | tuple[str, bytes]) -> bytes:
    return line if isinstance(line, bytes) else line[1]


def renumbered(records: Iterable[KmsgRecord]) -> list[KmsgRecord]:
    """As one log without gaps."""
    return [record._replace(seq=10_000 + at) for at, record in enumerate(records)]


def ooms(records: Iterable[KmsgRecord], page_size_bytes: int = 4096) -> list[LogOom]:
    """The last state of each, in the log's order, of a log that is read record by record."""
    assembler = OomLog(page_size_bytes)
    last: dict[int, LogOom] = {}
    for record in records:
        for oom in assembler.feed([record]):
            last[oom.seq] = oom
    return list(last.values())


def without_numbers(found: Iterable[LogOom]) -> list[LogOom]:
    """For comparing logs whose records have other numbers."""
    return [replace(oom, seq=0, kills=tuple(replace(kill, seq=0) for kill in oom.kills)) for oom in found]
