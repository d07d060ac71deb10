"""Which words and variables a program is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.marks import UNKNOWN
from oomsight_operator.judgement.runtime.shell import Command
from oomsight_operator.judgement.runtime.wrappers import Unwrapped, program_name, unwrap


@dataclass(frozen=True, slots=True)
class Launch:
    """A program's arguments and variables."""

    words: tuple[str, ...]
    variables: Mapping[str, str]


def launched(start: Start, program: str) -> Launch | None:
    """The last time that it is started; None where the spec's command does not start it.

    Where a script starts it in several ways, and which of them comes last cannot be told, what differs is UNKNOWN.
    """
    script = start.script
    found: list[tuple[int, Command, Unwrapped]] = []
    for index, command in enumerate(script.commands):
        if not any(word.endswith(program) for word in command.words):
            continue  # a third of the time that a script of many commands takes: each runtime asks
        unwrapped = unwrap(command.words)
        if unwrapped.words and program_name(unwrapped.words[0]) == program:
            found.append((index, command, unwrapped))
    if not found:
        return None
    _, command, last = found[-1]
    variables = last.environment(script.environment(command))
    ways = {(each.words[1:], each.changes, each.cleared, one.own, one.changes) for _, one, each in found}
    if len(ways) == 1 or (not script.branches and _runs_last(script.commands, found)):
        return Launch(last.words[1:], variables)
    set_somewhere = {name for each in (script.changes, *(one.own for _, one, _ in found)) for name, _ in each}
    set_somewhere |= {name for _, _, each in found for name, _ in each.changes}
    return Launch((UNKNOWN,), {**variables, **dict.fromkeys(set_somewhere, UNKNOWN)})


def _runs_last(commands: tuple[Command, ...], found: list[tuple[int, Command, Unwrapped]]) -> bool:
    """Whether the last one is run for sure: no other ends the script, and in its chain of `&&` nothing else can fail."""
    if any(each.replaces for _, _, each in found[:-1]):
        return False
    starts = {index for index, _, _ in found}
    at = found[-1][0]
    while commands[at].chained:
        at -= 1
        if at not in starts:
            return False
    return True
