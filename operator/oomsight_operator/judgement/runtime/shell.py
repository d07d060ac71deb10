"""The commands of a command line: itself, or those of a shell's script, as far as that can be told without running it.

For `sh -c "exec java $JAVA_OPTS -jar app.jar"`, which is how most start lines look. Known: quotes, backslashes, `$NAME`, `${NAME}`,
assignments and `export`. Everything else that a shell would compute is UNKNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from oomsight_operator.judgement.runtime.marks import MAX_TEXT, UNKNOWN

_NAME: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))", re.ASCII)
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.ASCII | re.DOTALL)
_ENDS: Final = ";&|()\n"
_PLAIN: Final = re.compile(r"""[^'"\\$`;&|()\s]+""")
_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "busybox"})
WRAPPERS: Final = frozenset({"tini", "dumb-init", "catatonit", "env", "exec", "nice", "nohup", "gosu", "su-exec", "setpriv"})
"""Programs that start what follows them; their own options and a user's name may stand between."""


Commands = tuple[tuple[str, ...], ...]


def commands_of(argv: tuple[str, ...], variables: Mapping[str, str]) -> tuple[Commands, Mapping[str, str]]:
    """The command line itself, or, where it starts a shell with `-c`, the script's commands; and the variables that they get."""
    for index, word in enumerate(argv):
        name = program_name(word)
        if name in _SHELLS:
            script = next((each for before, each in pairwise(argv[index:]) if _takes_script(before)), None)
            return shell_commands(script, variables) if script is not None else ((argv,), variables)
        if name not in WRAPPERS and not word.startswith("-"):
            break
    return (argv,), variables


def _takes_script(word: str) -> bool:
    """`-c`, `-ec`, `-lc`: the next word is the script."""
    return word.startswith("-") and not word.startswith("--") and word.endswith("c")


def program_name(word: str) -> str:
    """Without its folder."""
    return word.rpartition("/")[2]


def shell_commands(script: str, variables: Mapping[str, str]) -> tuple[Commands, Mapping[str, str]]:
    """The words of each command in order, assignments taken off, none where the script is too long; and the variables, with what
    was assigned anywhere."""
    if len(script) > MAX_TEXT:
        return (), variables
    reader = _Reader(dict(variables))
    reader.read(script)
    return tuple(reader.commands), {**reader.variables, **reader.for_one}


class _Reader:
    """One pass over a script. What is read is bounded: expansions may add MAX_TEXT in all."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.variables = variables
        self.for_one: dict[str, str] = {}
        """Assigned for one command alone."""
        self._words: list[str] = []
        self._word: list[str] | None = None
        self._left = MAX_TEXT

    def read(self, script: str) -> None:
        at, size = 0, len(script)
        while at < size:
            character = script[at]
            if character == "'":
                end = script.find("'", at + 1)
                end = size if end < 0 else end
                self._add(script[at + 1 : end])
                at = end + 1
            elif character == '"':
                at = self._quoted(script, at + 1)
            elif character == "\\":
                self._add("" if script[at + 1 : at + 2] == "\n" else script[at + 1 : at + 2])
                at += 2
            elif character == "$":
                at = self._expansion(script, at, quoted=False)
            elif character == "`":
                at = self._computed(script, at, "`")
            elif character in _ENDS:
                self._end_command()
                at += 1
            elif character == "#" and self._word is None:
                end = script.find("\n", at)
                at = size if end < 0 else end
            elif character.isspace():
                self._end_word()
                at += 1
            else:
                match = _PLAIN.match(script, at)
                self._add(match[0] if match is not None else character)
                at += len(match[0]) if match is not None else 1
        self._end_command()

    def _quoted(self, script: str, at: int) -> int:
        """Up to behind the closing double quote."""
        self._add("")
        while at < len(script) and script[at] != '"':
            if script[at] == "\\":
                escaped = script[at + 1 : at + 2]
                self._add(escaped if escaped in '$`"\\' else "" if escaped == "\n" else f"\\{escaped}")
                at += 2
            elif script[at] == "$":
                at = self._expansion(script, at, quoted=True)
            elif script[at] == "`":
                at = self._computed(script, at, "`")
            else:
                self._add(script[at])
                at += 1
        return at + 1

    def _expansion(self, script: str, at: int, *, quoted: bool) -> int:
        match = _NAME.match(script, at)
        if match is None:
            following = script[at + 1 : at + 2]
            if following in ("(", "{"):
                return self._computed(script, at + 1, ")" if following == "(" else "}")
            if not following or following.isspace() or following in "\"'":
                self._add("$")
                return at + 1
            self._add(UNKNOWN)  # $1, $@, $?
            return at + 2
        value = self.variables.get(match[1] or match[2], UNKNOWN)
        self._left -= len(value)
        if self._left < 0:
            value = UNKNOWN
        if quoted or not value.split():
            self._add(value.strip() if not quoted else value, started=quoted)
            return match.end()
        if value[0].isspace():
            self._end_word()
        for index, part in enumerate(value.split()):
            if index:
                self._end_word()
            self._add(part)
        if value[-1].isspace():
            self._end_word()
        return match.end()

    def _computed(self, script: str, at: int, closing: str) -> int:
        """What a shell would compute, up to behind its end; nesting is not followed."""
        self._add(UNKNOWN)
        end = script.find(closing, at + 1)
        return len(script) if end < 0 else end + 1

    def _add(self, text: str, *, started: bool = True) -> None:
        if self._word is None:
            if not started:
                return
            self._word = []
        self._word.append(text)

    def _end_word(self) -> None:
        if self._word is not None:
            self._words.append("".join(self._word))
            self._word = None

    def _end_command(self) -> None:
        self._end_word()
        words, self._words = self._words, []
        exported = words[:1] == ["export"]
        first = 1 if exported else 0
        assigned: dict[str, str] = {}
        while first < len(words) and (match := _ASSIGNMENT.fullmatch(words[first])):
            assigned[match[1]] = match[2] if len(match[2]) <= MAX_TEXT else UNKNOWN
            first += 1
        rest = words[first:]
        if rest and not exported:
            self.commands.append(tuple(rest))
            self.for_one.update(assigned)
        else:
            self.variables.update(assigned)
