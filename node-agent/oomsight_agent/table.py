"""Text tables for a terminal: aligned, coloured only when asked, and never wider than the terminal while that can be helped.

When columns do not fit, those of least importance are left out first, then the first column is cut in its middle: both ends
of a name tell more than its beginning alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

GAP = 2
NAME_WIDTH_MIN = 20
ELLIPSIS = "..."


class Tone(Enum):
    """How a cell stands out; plain text has none of it."""

    PLAIN = ""
    WARNING = "\x1b[33m"
    DANGER = "\x1b[31m"
    DIM = "\x1b[2m"


_RESET = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Cell:
    """Printable text and its tone."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; columns with a greater `sacrifice` are left out first, those with 0 never."""

    heading: str
    sacrifice: int = 0
    is_text: bool = False
    """Left-aligned, as the first column always is."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Finished lines, and the headings that found no room."""

    lines: tuple[str, ...]
    left_out: tuple[str, ...]


def layout(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, width: int | None, colour: bool, headings: bool = True
) -> Layout:
    """Lay out rows of as many cells as there are columns; the first column and texts are left-aligned. `width` None: any."""
    kept = list(range(len(columns)))
    widths = [
        max(_heading_width(column, headings), *(len(row[index].text) for row in rows), 0) for index, column in enumerate(columns)
    ]
    left_out: list[str] = []
    while width is not None and _total(widths, kept, NAME_WIDTH_MIN) > width:
        index = max(kept, key=lambda index: columns[index].sacrifice)
        if columns[index].sacrifice == 0:
            break
        kept.remove(index)
        left_out.append(columns[index].heading)
    if width is not None:
        room = width - sum(widths[index] + GAP for index in kept[1:])
        widths[0] = min(widths[0], max(NAME_WIDTH_MIN, room))
    texts = [columns[index].is_text for index in kept]
    sizes = [widths[index] for index in kept]
    lines = [_line([Cell(columns[index].heading) for index in kept], sizes, texts, colour)] if headings else []
    lines += [_line([row[index] for index in kept], sizes, texts, colour) for row in rows]
    return Layout(tuple(lines), tuple(left_out))


def shorten(text: str, width: int) -> str:
    """Cut in the middle to `width` characters; the end, which tells siblings apart, keeps the odd one."""
    if len(text) <= width:
        return text
    room = max(0, width - len(ELLIPSIS))
    return f"{text[: room // 2]}{ELLIPSIS}{text[len(text) - (room - room // 2) :]}"


def _heading_width(column: Column, headings: bool) -> int:
    return len(column.heading) if headings else 0


def _total(widths: Sequence[int], kept: Sequence[int], name_width_min: int) -> int:
    return min(widths[0], name_width_min) + sum(widths[index] + GAP for index in kept[1:])


def _line(cells: Sequence[Cell], widths: Sequence[int], are_texts: Sequence[bool], colour: bool) -> str:
    texts = [shorten(cells[0].text, widths[0]).ljust(widths[0])]
    texts += [
        cell.text.ljust(width) if is_text else cell.text.rjust(width)
        for cell, width, is_text in zip(cells[1:], widths[1:], are_texts[1:], strict=True)
    ]
    if colour:
        texts = [f"{cell.tone.value}{text}{_RESET}" if cell.tone.value else text for cell, text in zip(cells, texts, strict=True)]
    return (" " * GAP).join(texts).rstrip()
