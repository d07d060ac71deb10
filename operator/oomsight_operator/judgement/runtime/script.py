"""The commands that a container runs: of its command line itself, or of the script that a shell is given there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from oomsight_operator.judgement.runtime.marks import UNKNOWN
from oomsight_operator.judgement.runtime.shell import Command, Reader
from oomsight_operator.judgement.runtime.wrappers import Changes, changed, program_name, unwrap

_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "busybox"})
_WITH_FILE: Final = frozenset({"--rcfile", "--init-file"})


MAX_SCRIPT: Final = 8 * 1024
"""Of a longer script nothing is told: the event loop waits while it is read, 2 to 3 ms for a KiB of the costliest."""


@dataclass(frozen=True, slots=True)
class Script:
    """Commands in the order in which they stand, and the variables that each of them gets."""

    commands: tuple[Command, ...] = ()
    """None where they cannot be told."""
    given: Mapping[str, str] = field(default_factory=dict)
    changes: Changes = ()
    """Of exported variables."""
    branches: bool = False
    """Not every command is run."""

    def environment(self, command: Command) -> Mapping[str, str]:
        """The variables of one of its commands."""
        if command.in_loop:
            names = {name for name, _ in (*self.changes, *command.own)}
            return {**self.given, **dict.fromkeys(names, UNKNOWN)}
        if not command.changes and not command.own:
            return self.given
        return changed(self.given, (*self.changes[: command.changes], *command.own))

    @property
    def last_environment(self) -> Mapping[str, str]:
        """The variables of whatever the last command starts."""
        if not self.commands:
            return self.given
        return unwrap(self.commands[-1].words).environment(self.environment(self.commands[-1]))


def script_of(argv: tuple[str, ...], variables: Mapping[str, str]) -> Script:
    """What a command line runs with these variables."""
    shell = unwrap(argv)
    text = _text(shell.words)
    if text is None:
        return Script((Command(argv),), variables)
    return shell_script(text, shell.environment(variables))


def shell_script(text: str, variables: Mapping[str, str]) -> Script:
    """What a shell would run; no commands where that cannot be told."""
    if len(text) > MAX_SCRIPT:
        return Script((), variables)
    reader = Reader(variables)
    reader.read(text)
    if reader.unreadable:
        return Script((), variables)
    return Script(tuple(reader.commands), variables, tuple(reader.variables.changes), reader.branches)


def _text(words: tuple[str, ...]) -> str | None:
    """What a shell is given with `-c`: the first word behind its options. None where it is no shell, or runs something else."""
    if not words or program_name(words[0]) not in _SHELLS:
        return None
    at, takes = 1, False
    if program_name(words[0]) == "busybox":
        if len(words) < 2 or words[1] not in _SHELLS:
            return None
        at = 2
    while at < len(words):
        word = words[at]
        if word == "--":
            return words[at + 1] if takes and at + 1 < len(words) else None
        if not word.startswith(("-", "+")):
            return word if takes else None
        if word.startswith("--"):
            at += word in _WITH_FILE
        else:
            takes = takes or (word[0] == "-" and "c" in word)
            at += "o" in word or "O" in word
        at += 1
    return None
