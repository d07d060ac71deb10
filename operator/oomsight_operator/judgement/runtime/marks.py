"""What stands for text that cannot be read from a pod's spec, and for numbers that follow the limit."""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = "\0"
"""Stands for text that is not in the spec; no variable or argument of a process can hold it."""
OF_LIMIT: Final = "\x01"
"""Before and behind digits that are the container's memory limit. A tenant who writes it gets a number that does not parse."""
MAX_TEXT: Final = 32 * 1024
"""Longer values tell nothing: references to references grow without bound."""
