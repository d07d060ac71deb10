"""The heap of whatever a container runs, as far as its spec says: the runtimes are asked one after the other."""

from __future__ import annotations

from typing import Final

from oomsight_operator.judgement.runtime.dotnet import dotnet_heap
from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.go import go_heap
from oomsight_operator.judgement.runtime.jvm import jvm_heap
from oomsight_operator.judgement.runtime.node import node_heap
from oomsight_operator.judgement.runtime.setting import HeapSetting

_RUNTIMES: Final = (jvm_heap, node_heap, dotnet_heap, go_heap)


def heap_of(start: Start) -> HeapSetting | None:
    """None where nothing tells of a runtime; of several the first whose size is known."""
    found = [setting for ask in _RUNTIMES if (setting := ask(start)) is not None]
    return next((setting for setting in found if not setting.hidden), found[0] if found else None)
