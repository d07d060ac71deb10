"""What a command line starts behind wrappers: `tini -- gosu app env A=b java ...` starts `java`, with A set. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=(.*)", re.ASCII | re.DOTALL)
"""As shells have it, `+=` appends; of `env` only `=` counts."""

Changes = tuple[tuple[str, str | None], ...]
"""Of variables, in order; None takes one away."""


@dataclass(frozen=True, slots=True)
class _Wrapper:
    with_value: frozenset[str] = frozenset()
    """Options that take the next word."""
    operands: int = 0
    """Words of its own before the program, such as a user's name."""


_IDS: Final = ("--reuid", "--regid", "--groups", "--inh-caps", "--ambient-caps", "--bounding-set", "--securebits", "--pdeathsig")
_WRAPPERS: Final[Mapping[str, _Wrapper]] = {
    "tini": _Wrapper(frozenset({"-p", "-e"})),
    "tini-static": _Wrapper(frozenset({"-p", "-e"})),
    "dumb-init": _Wrapper(frozenset({"-r", "--rewrite"})),
    "catatonit": _Wrapper(),
    "env": _Wrapper(frozenset({"-u", "--unset", "-C", "--chdir"})),
    "exec": _Wrapper(frozenset({"-a"})),
    "command": _Wrapper(),
    "nice": _Wrapper(frozenset({"-n", "--adjustment"})),
    "nohup": _Wrapper(),
    "gosu": _Wrapper(operands=1),
    "su-exec": _Wrapper(operands=1),
    "setpriv": _Wrapper(frozenset(_IDS)),
    "timeout": _Wrapper(frozenset({"-s", "--signal", "-k", "--kill-after"}), operands=1),
}


_MOST_WORDS: Final = 500


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A program with its arguments, and what `env` does to its variables."""

    words: tuple[str, ...]
    """Empty where it cannot be told."""
    cleared: bool = False
    changes: Changes = ()
    replaces: bool = False
    """The shell ends with it (`exec`)."""

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """The program's variables, where its wrappers have these."""
        return changed({} if self.cleared else given, self.changes) if self.cleared or self.changes else given


def changed(given: Mapping[str, str], changes: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Variables after changes."""
    found = dict(given)
    for name, value in changes:
        if value is None:
            found.pop(name, None)
        else:
            found[name] = value
    return found


def program_name(word: str) -> str:
    """Without its folder."""
    return word.rpartition("/")[2]


def unwrap(words: tuple[str, ...]) -> Unwrapped:
    """The first word that is no wrapper, nor an option or operand of one, and what follows it. Not looked for behind 500 words."""
    at = 0
    cleared = replaces = False
    changes: list[tuple[str, str | None]] = []
    end = min(len(words), _MOST_WORDS + 1)
    while at < end and (wrapper := _WRAPPERS.get(name := program_name(words[at]))) is not None:
        operands, options = wrapper.operands, True
        is_env, replaces = name == "env", replaces or name == "exec"
        at += 1
        while at < end:
            word = words[at]
            if options and word == "--":
                options = False
            elif options and word.startswith("-"):
                if is_env and word.startswith(("-S", "--split-string")):
                    return Unwrapped(())
                if is_env and word in ("-", "-i", "--ignore-environment"):
                    cleared, changes = True, []
                elif is_env and (gone := _unset(word, words[at + 1 : at + 2])):
                    changes.append((gone, None))
                at += word in wrapper.with_value
            elif is_env and (match := ASSIGNMENT.fullmatch(word)) and not match[2]:
                changes.append((match[1], match[3]))
            elif operands > 0:
                operands -= 1
            else:
                break
            at += 1
    if at > _MOST_WORDS:
        return Unwrapped(())
    return Unwrapped(words[at:], cleared, tuple(changes), replaces)


def _unset(word: str, following: tuple[str, ...]) -> str:
    """`-u NAME`, `-uNAME`, `--unset NAME`, `--unset=NAME`; empty for another option."""
    if word in ("-u", "--unset"):
        return "".join(following)
    return word.removeprefix("--unset=") if word.startswith("--unset=") else word[2:] if word.startswith("-u") else ""
