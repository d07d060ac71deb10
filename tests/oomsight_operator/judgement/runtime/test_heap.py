from __future__ import annotations

from tests.oomsight_operator.judgement.runtime.starts import GI, MI, start

from oomsight_operator.judgement.runtime.heap import heap_of
from oomsight_operator.judgement.runtime.setting import Runtime


def test_a_container_without_a_runtime_has_no_heap() -> None:
    assert heap_of(start(["nginx", "-g", "daemon off;"], env={"PORT": "80"})) is None


def test_of_several_the_known_one_counts() -> None:
    found = heap_of(start(env={"JAVA_TOOL_OPTIONS": "-javaagent:x", "NODE_OPTIONS": "--max-old-space-size=300"}))
    assert found is not None
    assert (found.runtime, found.fixed_bytes) == (Runtime.NODE, 300 * MI)


def test_each_runtime_is_asked() -> None:
    envs = {"_JAVA_OPTIONS": "-Xmx1g", "NODE_OPTIONS": "--max-old-space-size=1024", "DOTNET_GCHeapHardLimit": "40000000"}
    found = [heap_of(start(env={name: text})) for name, text in {**envs, "GOMEMLIMIT": "1GiB"}.items()]
    assert [(each.runtime, each.fixed_bytes) for each in found if each is not None] == [
        (runtime, GI) for runtime in (Runtime.JVM, Runtime.NODE, Runtime.DOTNET, Runtime.GO)
    ]
