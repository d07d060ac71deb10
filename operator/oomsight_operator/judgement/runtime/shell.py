"""A shell's script, as far as it can be told without running it.

For `sh -c "exec java $JAVA_OPTS -jar app.jar"`, which is how most start lines look. Known: quotes, backslashes, `$NAME`, `${NAME}`,
assignments, `export` and its like, redirections, which commands may be left out. Everything else that a shell would compute is
UNKNOWN, and so is a variable that was assigned only perhaps. Not known: what `.`, `source` and `eval` do.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from oomsight_operator.judgement.runtime.marks import UNKNOWN
from oomsight_operator.judgement.runtime.shell_variables import ShellVariables
from oomsight_operator.judgement.runtime.wrappers import ASSIGNMENT, unwrap

_NAME: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))", re.ASCII)
_PLAIN: Final = re.compile(r"""[^'"\\$`;&|()<> \t\n]+""")
_BLANKS: Final = re.compile(r"[ \t\n]+")
_REDIRECTION: Final = re.compile(r"&>>?|<<<|[<>]+[&|]?")
_END_OF: Final[Mapping[str, str]] = {"(": ")", "{": "}", '"': '"', "`": "`"}
_ASSIGNS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=", re.ASCII)
_OPENING: Final = frozenset({"if", "while", "until", "{"})
_HEADS: Final = frozenset({"for", "case", "select", "function"})
"""These open, too, and no command follows in the same line."""
_CLOSING: Final = frozenset({"fi", "done", "esac", "}"})
_OTHERWISE: Final = frozenset({"else", "elif"})
_LOOPS: Final = frozenset({"for", "while", "until", "select"})
_RESERVED: Final = _OPENING | _HEADS | _CLOSING | _OTHERWISE | {"then", "do", "!", "time"}
_DECLARING: Final = frozenset({"export", "declare", "typeset", "readonly", "local"})


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command."""

    words: tuple[str, ...]
    """Without the assignments before it."""
    changes: int = 0
    """So many changes of exported variables stand before it."""
    own: tuple[tuple[str, str], ...] = ()
    """Assigned for it alone."""
    chained: bool = False
    """Behind `&&` or `||`: it may be left out."""
    in_loop: bool = False
    """It has variables that an earlier turn of its loop may have set."""


class Reader:
    """One pass over a script."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.commands: list[Command] = []
        self.variables = ShellVariables(variables)
        self.branches = False
        self.unreadable = False
        """It has a here-document, a function or an array: where commands begin cannot be told."""
        self._words: list[str] = []
        self._word: list[str] | None = None
        self._to_file = False
        """The next word is where a redirection leads."""
        self._assigns = False
        """The word begins like an assignment."""
        self._heads = True
        """None of the command's words is its program yet."""
        self._declares = False
        self._subshells = 0
        self._loops = 0
        self._loop_began = (0, 0)
        """How many commands and assignments stand before the outermost that is open."""

    def read(self, script: str) -> None:
        """Once."""
        at, size = 0, len(script)
        while at < size and not self.unreadable:
            character = script[at]
            if character == "'":
                end = script.find("'", at + 1)
                end = size if end < 0 else end
                self._add(script[at + 1 : end])
                at = end + 1
            elif character == '"':
                at = self._quoted(script, at + 1)
            elif character == "\\":
                if script[at + 1 : at + 2] != "\n":
                    self._add(script[at + 1 : at + 2])
                at += 2
            elif character == "$":
                at = self._expansion(script, at, quoted=False)
            elif character == "`":
                at = self._computed(script, at)
            elif character in "<>" or script.startswith("&>", at):
                at = self._redirection(script, at)
            elif character in ";&|()\n":
                at = self._operator(script, at)
            elif character == "#" and self._word is None:
                end = script.find("\n", at)
                at = size if end < 0 else end
            elif character in " \t":
                self._end_word()
                at += 1
            else:
                match = _PLAIN.match(script, at)
                self._add(match[0] if match is not None else character)
                at += len(match[0]) if match is not None else 1
        self._end_command()

    def _operator(self, script: str, at: int) -> int:
        """`;`, `&`, `|`, `&&`, `||`, parentheses, the end of a line."""
        character = script[at]
        if character == "(":
            self.unreadable = self._word is not None or bool(self._words) or self._to_file
            self._subshells += 1
            self.variables.depth += 1
            return at + 1
        self._end_command()
        if script.startswith(("&&", "||"), at):
            self.variables.chained = True
            self.branches = self.branches or character == "|"
            return at + 2
        if character == ")":  # of a subshell, or behind a pattern of `case`
            self.variables.depth += 0 if self._subshells else 1
            self._subshells = max(0, self._subshells - 1)
            self.variables.compound_ends()
        elif character != "|":
            self.variables.chain_ends()
        return at + 1

    def _redirection(self, script: str, at: int) -> int:
        match = _REDIRECTION.match(script, at)
        operator = match[0] if match is not None else script[at]
        self.unreadable = operator.startswith("<<") and operator != "<<<"
        if self._word is not None and "".join(self._word).isdigit():
            self._word = None
        self._end_word()
        self._to_file = True
        return at + len(operator)

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
                at = self._computed(script, at)
            else:
                self._add(script[at])
                at += 1
        return at + 1

    def _expansion(self, script: str, at: int, *, quoted: bool) -> int:
        match = _NAME.match(script, at)
        if match is None:
            following = script[at + 1 : at + 2]
            if following in ("(", "{"):
                return self._computed(script, at + 1)
            if following in ("'", '"') and not quoted:
                self._add(UNKNOWN)  # $'a\tb'
                return at + 1
            if not following or following in " \t\n'\"":
                self._add("$")
                return at + 1
            self._add(UNKNOWN)  # $1, $@, $?
            return at + 2
        value = self.variables.value(match[1] or match[2])
        if quoted or (self._assigns and self._heads):
            self._add(value)
        elif self._assigns and self._declares and _BLANKS.search(value):
            self._add(UNKNOWN)  # dash splits it, bash does not
        elif value:
            for index, part in enumerate(_BLANKS.split(value)):
                if index:
                    self._end_word()
                if part:
                    self._add(part)
        return match.end()

    def _computed(self, script: str, at: int) -> int:
        """What a shell would compute, up to behind its end: `(`, `{` or a backquote, with what is nested in it."""
        self._add(UNKNOWN)
        within = [script[at]]
        at += 1
        while at < len(script) and within:
            character, inner = script[at], within[-1]
            if character == "\\":
                at += 1
            elif character == _END_OF[inner]:
                within.pop()
            elif character == "'" and inner == "(":
                end = script.find("'", at + 1)
                at = len(script) if end < 0 else end
            elif character in '"`' or (character == "(" and inner == "("):
                within.append(character)
            elif script.startswith(("$(", "${"), at):
                at += 1
                within.append(script[at])
            at += 1
        return at

    def _add(self, text: str) -> None:
        if self._word is None:
            self._word = []
            self._assigns = _ASSIGNS.match(text) is not None
        self._word.append(text)

    def _end_word(self) -> None:
        if self._word is None:
            return
        word, self._word = "".join(self._word), None
        if self._to_file:
            self._to_file = False
        elif not self._words and word in _RESERVED:
            self._reserved(word)
        else:
            self._declares = self._declares or (self._heads and word in _DECLARING)
            self._heads = self._heads and self._assigns
            self._words.append(word)

    def _reserved(self, word: str) -> None:
        """A reserved word where a command may begin."""
        if word in _OPENING | _HEADS:
            self.branches = self.branches or word != "{"
            self.variables.depth += 1
        if word in _LOOPS:
            self._loops += 1
            if self._loops == 1:
                self._loop_began = (len(self.commands), self.variables.assignments)
        if word in _HEADS:
            self._words.append(word)
        elif word in _CLOSING:
            self.variables.compound_ends()
        elif word in _OTHERWISE:
            self.variables.branch_ends()
        if word == "done" and self._loops:
            self._loop_ends()

    def _end_command(self) -> None:
        self._end_word()
        self._to_file = False
        words, self._words = self._words, []
        self._heads, self._declares = True, False
        if words:
            self._simple(words)

    def _loop_ends(self) -> None:
        """What a loop assigns counts for its next turn: then of its commands nothing but the program is known. Inner loops are part
        of the outermost."""
        self._loops -= 1
        first, assignments = self._loop_began
        if self._loops or assignments == self.variables.assignments:
            return
        for index in range(first, len(self.commands)):
            command = self.commands[index]
            program = unwrap(command.words)
            own = (*command.own, *((name, UNKNOWN) for name, _ in program.changes))
            self.commands[index] = replace(command, words=(*program.words[:1], UNKNOWN), own=own, in_loop=True)

    def _simple(self, words: list[str]) -> None:
        name, *operands = words
        if name in _DECLARING:
            self.variables.declare(operands, export=name == "export")
        elif name == "unset":
            self.variables.unset(operands)
        elif name in ("for", "select"):
            self.variables.forget(set(operands[:1]))
        elif name == "read":
            self.variables.forget({each for each in operands if not each.startswith("-")})
        elif name == "set":
            self.variables.set_options(operands)
        elif name not in _HEADS:
            self._run(words)

    def _run(self, words: list[str]) -> None:
        own = self.variables.assigned(words)
        rest = tuple(itertools.dropwhile(ASSIGNMENT.fullmatch, words))
        if rest:
            self.commands.append(Command(rest, len(self.variables.changes), tuple(own.items()), self.variables.chained))
            return
        for name, value in own.items():
            self.variables.assign(name, value)
