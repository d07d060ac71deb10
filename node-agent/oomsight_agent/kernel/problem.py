"""What a parser answers when a file makes no sense, and the escaping that keeps hostile bytes out of logs and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MAX_FOUND_BYTES: Final = 48
_PRINTABLE: Final = frozenset(range(0x20, 0x7F)) - {0x5C}


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that was there and could not be understood. Both texts are printable ASCII."""

    expected: str
    found: str

    def __str__(self) -> str:
        return f"expected {self.expected}, found {self.found}"


def printable(data: bytes) -> str:
    """Printable ASCII of arbitrary bytes: below 0x20, from 0x7f up, and the backslash become `\\xNN`, as /dev/kmsg does it."""
    if data.isascii() and (text := data.decode("ascii")).isprintable() and "\\" not in text:
        return text
    return "".join(chr(byte) if byte in _PRINTABLE else f"\\x{byte:02x}" for byte in data)


def printable_text(text: str) -> str:
    """The same for a file name as `os` gives it (undecodable bytes are surrogates there)."""
    return printable(text.encode("utf-8", "surrogateescape" if _has_escaped_bytes(text) else "surrogatepass"))


def _has_escaped_bytes(text: str) -> bool:
    return all(not 0xD800 <= ord(char) <= 0xDFFF or 0xDC80 <= ord(char) <= 0xDCFF for char in text)


def problem(expected: str, data: bytes) -> Problem:
    """A `Problem` with a short, escaped excerpt of what was found."""
    if not data:
        return Problem(expected, "an empty file")
    excerpt = printable(data[:_MAX_FOUND_BYTES])
    more = f" ({len(data)} bytes)" if len(data) > _MAX_FOUND_BYTES else ""
    return Problem(expected, f"'{excerpt}'{more}")
