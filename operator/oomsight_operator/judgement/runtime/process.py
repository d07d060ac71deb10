"""A runtime by the name of the process: most images start `java` themselves, and their pods' specs say nothing of it."""

from __future__ import annotations

from typing import Final

from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime

_NAMES: Final = {"java": Runtime.JVM, "node": Runtime.NODE, "node-MainThread": Runtime.NODE, "dotnet": Runtime.DOTNET}
"""As the kernel has them (comm, 15 bytes). A Go program is named after itself, as is a .NET one with its own host."""


def heap_by_process(name: str | None) -> HeapSetting | None:
    """Of a container whose largest process has that name. There is a heap, and nobody knows how large it may get."""
    runtime = _NAMES.get(name) if name is not None else None
    if runtime is None:
        return None
    doubt = "which the pod's spec does not size"
    return HeapSetting(runtime, f"its largest process is {name}", explicit=False, doubt=doubt)
