"""What a container is started with, read for its heap alone. Pure.

Variables and arguments may hold secrets: they are looked at while a pod is projected, and nothing of them is kept, logged or told
but the setting. Most containers name no runtime: a search for the few names that matter spares them the decoding.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from oomsight_operator.judgement.runtime.environment import Variable, start_of
from oomsight_operator.judgement.runtime.heap import heap_of
from oomsight_operator.judgement.runtime.setting import HeapSetting

MAX_RAW_BYTES: Final = 256 * 1024
"""More than that is read for no container; Linux takes 128 KiB a variable or argument."""

_ABSENT: Final = msgspec.Raw(b"null")
_VARIABLES: Final = re.compile(
    rb'"name":\s*"(?:_?JAVA_|(?:JDK|OPENJ9|IBM|[EL]S)_JAVA_|JVM_OPTS|JVM_ARGS|CATALINA_OPTS|KAFKA_HEAP_OPTS'
    rb"|NODE_OPTIONS|GOMEMLIMIT|DOTNET_|COMPlus_)"
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


def heap_setting(start: RawStart, limit_bytes: int | None) -> HeapSetting | None:
    """The heap that command, args and env set; None where they name no runtime. Raises msgspec.DecodeError."""
    command, args = start.command, start.args
    if (
        not _VARIABLES.search(start.env)
        and (command is _ABSENT or not _PROGRAMS.search(command))
        and (args is _ABSENT or not _PROGRAMS.search(args))
    ):
        return None
    if sum(len(memoryview(each)) for each in (command, args, start.env)) > MAX_RAW_BYTES:
        return None
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
