"""The one error that a user sees as a sentence: what is wrong, and what to type."""

from __future__ import annotations


class MachineError(Exception):
    """A machine could not be built, did not start, or ended without handing back its results."""


class MachineDiedError(MachineError):
    """The guest's kernel died. Emulated it does at times, where one processor runs code that the other patches (QEMU 7.2)."""
