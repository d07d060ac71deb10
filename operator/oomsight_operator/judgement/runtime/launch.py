"""Which words a program is started with."""

from __future__ import annotations

from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.shell import WRAPPERS, program_name


def launched(start: Start, program: str) -> tuple[str, ...] | None:
    """The words behind the program's name, the last time it is started; None where the spec's command does not start it."""
    found = [words for command in start.commands if (words := _behind(command, program)) is not None]
    return found[-1] if found else None


def _behind(command: tuple[str, ...], program: str) -> tuple[str, ...] | None:
    """Behind wrappers the program may stand anywhere, without them first."""
    if not command:
        return None
    if program_name(command[0]) == program:
        return command[1:]
    if program_name(command[0]) not in WRAPPERS:
        return None
    return next((command[at + 1 :] for at, word in enumerate(command) if program_name(word) == program), None)
