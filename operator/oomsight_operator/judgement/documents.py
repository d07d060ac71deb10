"""How the documents that are written from tables of rules look: Markdown, wrapped as the rest of `docs/` is."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill
from typing import Final

_WIDTH: Final = 132


def wrapped(text: str) -> str:
    """One paragraph."""
    return fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def bullets(texts: Iterable[str]) -> str:
    """A list."""
    return "\n".join(
        fill(f"- {text}", _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) for text in texts
    )


def section(title: str, *parts: str) -> str:
    """A heading and what stands below it."""
    return "\n\n".join((f"## {title}", *parts))
