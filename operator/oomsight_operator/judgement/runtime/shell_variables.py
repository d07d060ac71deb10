"""The variables of a shell's script while it is read: what they hold, which of them programs get, what is only perhaps so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oomsight_operator.judgement.runtime.marks import MAX_TEXT, UNKNOWN
from oomsight_operator.judgement.runtime.wrappers import ASSIGNMENT


class ShellVariables:
    """A variable that was assigned, exported or taken away under a condition is UNKNOWN behind it."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.changes: list[tuple[str, str | None]] = []
        """Of what programs get."""
        self.assignments = 0
        self.depth = 0
        """Within so many conditions, loops, groups and subshells."""
        self.chained = False
        """Behind `&&` or `||`."""
        self._values = dict(given)
        self._exported = set(given)
        self._doubted: set[str] = set()
        """Whether they are exported is not known."""
        self._exports_all: bool | None = False
        """None: perhaps."""
        self._within: set[str] = set()
        self._in_chain: set[str] = set()
        self._left = MAX_TEXT

    def value(self, name: str) -> str:
        """What it expands to. All together may be as long as MAX_TEXT."""
        found = self._values.get(name, UNKNOWN)
        self._left -= len(found)
        return found if self._left >= 0 else UNKNOWN

    def assigned(self, words: Iterable[str]) -> dict[str, str]:
        """What the assignments at the head of these words come to."""
        found: dict[str, str] = {}
        for word in words:
            match = ASSIGNMENT.fullmatch(word)
            if match is None:
                break
            text = self.value(match[1]) + match[3] if match[2] else match[3]
            found[match[1]] = text if len(text) <= MAX_TEXT else UNKNOWN
        return found

    def assign(self, name: str, value: str, *, export: bool = False) -> None:
        """From now on."""
        self.assignments += 1
        self._values[name] = value
        export = export or self._exports_all is True
        if export:
            self._exported.add(name)
            self._doubted.discard(name)
        if name in self._doubted or (self._exports_all is None and name not in self._exported):
            self.changes.append((name, UNKNOWN))
        elif name in self._exported:
            self.changes.append((name, value))
        if self.chained:
            self._in_chain.add(name)
        if self.depth:
            self._within.add(name)

    def declare(self, operands: Iterable[str], *, export: bool) -> None:
        """`export`, `declare` and their like."""
        for word in operands:
            if word.startswith("-"):
                export = export or "x" in word
                continue
            for name, value in self.assigned((word,)).items() or ((word, self._values.get(word)),):
                if value is not None:
                    self.assign(name, value, export=export)
                elif export and (self.chained or self.depth):
                    self._doubted.add(name)
                elif export:
                    self._exported.add(name)

    def unset(self, names: Iterable[str]) -> None:
        """`unset`."""
        for name in names:
            if self.chained or self.depth:
                self.forget({name})
                continue
            self.assignments += 1
            self._values[name] = ""
            self._exported.discard(name)
            self.changes.append((name, None))

    def set_options(self, options: Iterable[str]) -> None:
        """`set -a`, `set -o allexport`: from now on all are exported."""
        flags = [option for option in options if option == "allexport" or (option[:1] == "-" and option[:2] != "--")]
        if any("a" in flag for flag in flags) and self._exports_all is not True:
            self._exports_all = None if self.chained or self.depth else True

    def forget(self, names: set[str]) -> None:
        """They may have another value now, or be exported or not."""
        for name in names:
            self.assignments += 1
            self._values[name] = UNKNOWN
            if name in self._exported or name in self._doubted or self._exports_all is not False:
                self._doubted.add(name)
                self.changes.append((name, UNKNOWN))
        names.clear()

    def chain_ends(self) -> None:
        """A chain of `&&` and `||` is over."""
        self.chained = False
        self.forget(self._in_chain)

    def branch_ends(self) -> None:
        """Another branch of a condition begins."""
        self.forget(self._within)

    def compound_ends(self) -> None:
        """A condition, a loop, a group or a subshell is over."""
        self.depth = max(0, self.depth - 1)
        self.forget(self._within)
