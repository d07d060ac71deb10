"""What a container is started with, read for its heap alone. Pure.

Variables and arguments may hold secrets: they are looked at while a pod is projected, and nothing of them is kept, logged or told
but the setting. Most containers name no runtime: a search for the few names that matter spares them the decoding.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from oomsight_api.quantity import human_bytes
from oomsight_operator.judgement.runtime.environment import Variable, start_of
from oomsight_operator.judgement.runtime.heap import heap_of
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime

MAX_RAW_BYTES: Final = 64 * 1024
"""Of all containers of a pod that name a runtime; the event loop waits while it is read, and a pod may have 1.5 MiB of it."""

_ABSENT: Final = msgspec.Raw(b"null")
_VARIABLES: Final = re.compile(
    rb'"name":\s*"(?:(?P<JVM>_?JAVA_|(?:JDK|OPENJ9|IBM|[EL]S)_JAVA_|JVM_OPTS|JVM_ARGS|CATALINA_OPTS|KAFKA_HEAP_OPTS)'
    rb"|(?P<NODE>NODE_OPTIONS)|(?P<GO>GOMEMLIMIT)|(?P<DOTNET>DOTNET_|COMPlus_))"
)
"""The literal beginning makes the search three times as fast."""
_PROGRAMS: Final = re.compile(rb"java|node|dotnet|-Xmx|-XX:|GOMEMLIMIT|NODE_OPTIONS|JAVA_|DOTNET_|COMPlus_")

_words = msgspec.json.Decoder(list[str] | None)
_variables = msgspec.json.Decoder(list[Variable] | None)
_anything = msgspec.json.Decoder(list[msgspec.Raw] | None)


class RawStart(msgspec.Struct, rename="camel"):
    """Command, arguments and variables of a container, undecoded: the fields that a container's own struct begins with."""

    name: str
    command: msgspec.Raw = _ABSENT
    args: msgspec.Raw = _ABSENT
    env: msgspec.Raw = _ABSENT
    env_from: msgspec.Raw = _ABSENT


class Starts:
    """The containers of one pod, one after the other: how much of their starts is read is bounded for all of them together."""

    def __init__(self) -> None:
        self._left = MAX_RAW_BYTES

    def heap(self, start: RawStart, limit_bytes: int | None) -> HeapSetting | None:
        """The heap that command, args and env set; None where they name no runtime. Raises msgspec.DecodeError."""
        command, args = start.command, start.args
        variable = _VARIABLES.search(start.env)
        if (
            variable is None
            and (command is _ABSENT or not _PROGRAMS.search(command))
            and (args is _ABSENT or not _PROGRAMS.search(args))
        ):
            return None
        size = sum(len(memoryview(each)) for each in (command, args, start.env))
        if size > self._left:
            return _unread(variable)
        self._left -= size
        return heap_of(
            start_of(
                _words.decode(command) or (),
                _words.decode(args) or (),
                _variables.decode(start.env) or (),
                container_name=start.name,
                limit_bytes=limit_bytes,
                from_elsewhere=bool(_anything.decode(start.env_from)),
            )
        )


def _unread(variable: re.Match[bytes] | None) -> HeapSetting | None:
    """A variable of a runtime says that there is a heap, a word of a command line alone does not."""
    if variable is None or variable.lastgroup is None:
        return None
    doubt = f"of which no more than {human_bytes(MAX_RAW_BYTES)} a pod are read"
    return HeapSetting(Runtime[variable.lastgroup], "what command, args and env say", doubt=doubt)
