"""How programs split one line of options into words. Pure; none of them fails, whatever the line holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

_JAVA_WORD: Final = re.compile(r"""(?:[^ \t\n\r\v\f'"]+|'[^']*'?|"[^"]*"?)+""")
_QUOTED: Final = re.compile(r"""'([^']*)'?|"([^"]*)"?""")


def java_words(line: str) -> tuple[str, ...]:
    """JAVA_TOOL_OPTIONS and its like: white space parts words, either quote holds them together and goes, nothing escapes.

    Source: HotSpot's arguments.cpp parse_options_buffer; the launcher reads JDK_JAVA_OPTIONS alike (args.c JLI_AddArgsFromEnvVar).
    """
    if "'" not in line and '"' not in line:
        return tuple(_JAVA_WORD.findall(line))
    return tuple(_QUOTED.sub(lambda match: match[1] or match[2] or "", word) for word in _JAVA_WORD.findall(line))


def node_words(line: str) -> tuple[str, ...]:
    """NODE_OPTIONS: spaces part words, double quotes hold them together, a backslash within them escapes.

    Source: node_options.cc ParseNodeOptionsEnvVar.
    """
    words: list[str] = []
    word: list[str] = []
    quoted = started = False
    characters = iter(line)
    for character in characters:
        if character == "\\" and quoted:
            word.append(next(characters, ""))
        elif character == " " and not quoted:
            if started:
                words.append("".join(word))
            word, started = [], False
        elif character == '"':
            quoted, started = not quoted, True
        else:
            word.append(character)
            started = True
    return (*words, "".join(word)) if started else tuple(words)


def own_options(words: Iterable[str], is_end: Callable[[str], bool], with_value: frozenset[str]) -> tuple[str, ...]:
    """A runtime's own options at the head of its command line, up to the word that ends them. Those of `with_value` take the word
    behind them for their value, and are one word with it: `--name=value`."""
    options: list[str] = []
    waiting = ""
    for word in words:
        if waiting:
            options.append(f"{waiting}={word}")
            waiting = ""
        elif is_end(word):
            break
        elif word in with_value:
            waiting = word
        else:
            options.append(word)
    return tuple(options)
