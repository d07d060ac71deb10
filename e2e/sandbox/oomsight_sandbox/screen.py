"""What the demo prints: one line for each thing that happens, with the seconds since the start; colours on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def printable(text: str) -> str:
    """Without control bytes: what pods and processes are called must not move the cursor."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


class Screen:
    """Writes to a stream. `clock` gives seconds."""

    def __init__(self, stream: TextIO, *, colours: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._colours = colours
        self._clock = clock
        self._start = clock()

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colours else text

    def _write(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def happened(self, text: str, colour: str | None = None) -> None:
        """`+ 12s pod shop/checkout: ...`"""
        moment = self._painted(f"+{self._clock() - self._start:3.0f}s", "dim")
        text = printable(text)
        self._write(f"{moment} {self._painted(text, colour) if colour else text}")

    def headline(self, text: str) -> None:
        self._write("\n" + self._painted(text, "bold"))

    def say(self, text: str = "") -> None:
        self._write(printable(text))

    def show(self, command: str, output: str) -> None:
        """A command as a user would type it, and what it printed."""
        self._write("\n" + self._painted(f"$ {command}", "cyan"))
        self._write(printable(output.rstrip()))

    def good(self, text: str) -> None:
        self._write(f"{self._painted('ok', 'green')}   {printable(text)}")

    def bad(self, text: str) -> None:
        self._write(f"{self._painted('FAIL', 'red')} {printable(text)}")
