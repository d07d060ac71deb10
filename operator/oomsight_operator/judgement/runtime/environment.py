"""What a container's variables and arguments come to: Kubernetes' references `$(NAME)`, as far as the pod's spec tells.

Source: kubelet_pods.go makeEnvironmentVariables and ExpandContainerCommandAndArgs, third_party/forked/golang/expansion: a
variable may refer to those before it, arguments to all of them; `$$` is a plain `$`. What the spec does not tell (ConfigMaps,
Secrets, service variables, `envFrom`) becomes UNKNOWN. A value that is the container's own memory limit is known, and marked: it
follows the limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from oomsight_api.quantity import QuantityError, parse_bytes
from oomsight_operator.judgement.runtime.marks import MAX_TEXT, OF_LIMIT, UNKNOWN
from oomsight_operator.judgement.runtime.script import Script, script_of

MAX_TOTAL: Final = 256 * 1024
"""Of all variables together, and of all words of a command, and of its arguments: many may refer to the same long text."""

MAX_NAME: Final = 256
"""A reference to a longer name, or one with a `$` in it, stays as it is: to look for the end of each would take the square of the
time."""

_REFERENCE: Final = re.compile(rf"\$(?:(\$)|\(([^)$]{{0,{MAX_NAME}}})\))")
_USUAL_NAME: Final = re.compile(r"[-._a-zA-Z0-9]+", re.ASCII)
"""Of variables that `envFrom` and services may bring."""


class ResourceField(msgspec.Struct, frozen=True, rename="camel"):
    """`valueFrom.resourceFieldRef`."""

    resource: str = ""
    container_name: str | None = None
    divisor: str | int | None = None


class Source(msgspec.Struct, frozen=True, rename="camel"):
    """`valueFrom`: of what it may hold only this can be told from the pod alone."""

    resource_field_ref: ResourceField | None = None


class Variable(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of `env`, as the API writes it."""

    name: str
    value: str | None = None
    value_from: Source | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """What a container is started with, as its spec says, references resolved."""

    script: Script = field(default_factory=Script)
    """The command with its arguments, or what a shell is given. Without commands: the image's own, which is not known."""
    args: tuple[str, ...] = ()
    """Arguments for a command that only the image knows."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of whatever it is that runs in the end."""
    limit_bytes: int | None = None
    from_elsewhere: bool = False
    """It has variables whose very names are not in the spec (`envFrom`)."""


def start_of(
    command: Iterable[str],
    args: Iterable[str],
    variables: Iterable[Variable],
    *,
    container_name: str = "",
    limit_bytes: int | None = None,
    from_elsewhere: bool = False,
) -> Start:
    """What it comes to; `limit_bytes` is the container's own limit."""
    known = _variables(variables, container_name, limit_bytes)
    program, arguments = _expanded(command, known), _expanded(args, known)
    if not program:
        return Start(Script((), known), arguments, known, limit_bytes, from_elsewhere)
    script = script_of((*program, *arguments), known)
    return Start(script, (), script.last_environment, limit_bytes, from_elsewhere)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """A text with its references resolved; UNKNOWN where it would be too long."""
    if "$" not in text:
        return text if len(text) <= MAX_TEXT else UNKNOWN
    parts: list[str] = []
    length = at = 0
    for match in _REFERENCE.finditer(text[: MAX_TEXT + 1]):
        piece = "$" if match[1] else _value(match, variables)
        parts += [text[at : match.start()], piece]
        length += match.start() - at + len(piece)
        at = match.end()
        if length > MAX_TEXT:
            return UNKNOWN
    whole = "".join((*parts, text[at:]))
    return whole if len(whole) <= MAX_TEXT else UNKNOWN


def _expanded(words: Iterable[str], variables: Mapping[str, str]) -> tuple[str, ...]:
    """Those beyond MAX_TOTAL are UNKNOWN."""
    found: list[str] = []
    left = MAX_TOTAL
    for word in words:
        text = expand(word.replace(OF_LIMIT, UNKNOWN), variables) if left > 0 else UNKNOWN
        left -= len(text)
        found.append(text)
    return tuple(found)


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    """What a reference becomes: the kubelet leaves one that names nothing as it is, such as a shell's `$(cat file)`."""
    known = variables.get(match[2])
    if known is not None:
        return known
    return UNKNOWN if _USUAL_NAME.fullmatch(match[2]) else match[0]


def _variables(variables: Iterable[Variable], container_name: str, limit_bytes: int | None) -> dict[str, str]:
    """By name; the last of a name counts, as the kubelet has it."""
    known: dict[str, str] = {}
    left = MAX_TOTAL
    for variable in variables:
        value = variable.value or ""
        if variable.value_from is not None and not value:
            value = _of_limit(variable.value_from, container_name, limit_bytes)
        elif left <= 0:
            value = UNKNOWN
        elif "$" in value or OF_LIMIT in value or len(value) > MAX_TEXT:
            value = expand(value.replace(OF_LIMIT, UNKNOWN), known)
        left -= len(value)
        known[variable.name] = value
    return known


def _of_limit(source: Source, container_name: str, limit_bytes: int | None) -> str:
    """The container's own memory limit in units of the divisor, rounded up; UNKNOWN for everything else."""
    asked = source.resource_field_ref
    if asked is None or limit_bytes is None or asked.resource != "limits.memory":
        return UNKNOWN
    if asked.container_name not in (None, "", container_name):
        return UNKNOWN
    try:
        divisor = parse_bytes(asked.divisor) if asked.divisor is not None else 1
    except QuantityError:
        return UNKNOWN
    return f"{OF_LIMIT}{-(-limit_bytes // (divisor or 1))}{OF_LIMIT}"
