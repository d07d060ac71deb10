"""The one error that a user sees as a sentence: what is wrong, and what to type."""

from __future__ import annotations


class MachineError(Exception):
    """A machine could not be built, did not start, or ended without handing back its results."""
