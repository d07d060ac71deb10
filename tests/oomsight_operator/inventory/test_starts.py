from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.inventory.pods import PodProjector, project_pod
from oomsight_operator.inventory.starts import MAX_RAW_BYTES
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share

MI = 1 << 20
SECRET = "hunter2"


def raw(*containers: dict[str, Any], **spec: Any) -> bytes:
    named = [{"name": f"c{index}", **container} for index, container in enumerate(containers)]
    meta = {"name": "web", "namespace": "shop", "uid": "u1"}
    return json.dumps({"metadata": meta, "spec": {"containers": named, **spec}}).encode()


def heap(**container: Any) -> HeapSetting | None:
    return project_pod(raw(container)).pod.containers[0].heap


def test_variables_arguments_and_the_limit_are_read() -> None:
    env = [{"name": "SIZE", "value": "300"}, {"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx$(SIZE)m"}]
    found = HeapSetting(Runtime.JVM, "-Xmx in JAVA_TOOL_OPTIONS", fixed_bytes=300 * MI)
    assert heap(env=env) == found
    limits = {"limits": {"memory": "512Mi"}}
    field = {"resourceFieldRef": {"resource": "limits.memory", "divisor": "0"}}
    assert heap(env=[{"name": "GOMEMLIMIT", "valueFrom": field}], resources=limits) == HeapSetting(
        Runtime.GO, "GOMEMLIMIT", share=Share(100.0)
    )
    assert heap(command=["node"], args=["--max-old-space-size=400", "app.js"]) == HeapSetting(
        Runtime.NODE, "--max-old-space-size on the command line", fixed_bytes=400 * MI
    )


def test_envfrom_may_hold_what_nobody_sees() -> None:
    found = heap(command=["java", "-jar", "app.jar"], envFrom=[{"configMapRef": {"name": "java"}}])
    assert found is not None
    assert found.hidden
    assert heap(command=["java", "-jar", "app.jar"], envFrom=[]) == heap(command=["java", "-jar", "app.jar"])


@pytest.mark.parametrize(
    "container",
    [
        {},
        {"command": None, "args": None, "env": None, "envFrom": None},
        {"env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]},
        {"command": ["/bin/app"], "args": ["--node=x"], "env": [{"name": "PORT", "value": "80"}]},
        {"command": ["java", "x" * MAX_RAW_BYTES]},
    ],
)
def test_a_container_that_names_no_runtime_has_no_heap(container: dict[str, Any]) -> None:
    assert heap(**container) is None


@pytest.mark.parametrize(
    "container",
    [
        {"command": f"java {SECRET}"},
        {"args": ["java", 5, SECRET]},
        {"env": {"JAVA_OPTS": SECRET}, "command": ["java"]},
        {"env": [{"name": "JAVA_OPTS", "value": [SECRET]}]},
    ],
)
def test_what_does_not_parse_is_noted_without_its_words_and_the_pod_stays(
    container: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    projected = project_pod(raw(container))
    assert projected.pod.containers[0].heap is None
    assert "spec.containers[c0]: found command, args or env that do not parse" in projected.notes[0]
    with caplog.at_level(logging.DEBUG):
        PodProjector()(raw(container))
    assert SECRET not in repr(projected) + caplog.text + str([record.__dict__ for record in caplog.records])


def test_nothing_of_a_secret_is_kept() -> None:
    container = {
        "command": ["sh", "-c", f"java -Dpassword={SECRET} -Xmx{SECRET} -jar app.jar"],
        "env": [
            {"name": "JAVA_OPTS", "value": f"-Dx={SECRET}"},
            {"name": "NODE_OPTIONS", "value": f"--max-old-space-size={SECRET}"},
        ],
    }
    assert SECRET not in repr(project_pod(raw(container)))


@pytest.mark.parametrize("script", ["export GOMEMLIMIT=1GiB; ./app", "NODE_OPTIONS=--max-old-space-size=1024 npm start"])
def test_a_script_may_set_what_names_no_program(script: str) -> None:
    found = heap(command=["sh", "-c", script])
    assert found is not None
    assert found.fixed_bytes == 1 << 30


def test_what_is_too_long_to_be_read_is_unknown_not_absent() -> None:
    found = heap(env=[{"name": "_JAVA_OPTIONS", "value": "-Xmx1g"}, {"name": "A", "value": "x" * MAX_RAW_BYTES}])
    assert found is not None
    assert found.hidden
    assert (found.runtime, found.where) == (Runtime.JVM, "what command, args and env say")
    assert found.doubt == "of which no more than 64Ki a pod are read"


@pytest.mark.parametrize(
    ("name", "runtime"),
    [
        ("KAFKA_HEAP_OPTS", Runtime.JVM),
        ("NODE_OPTIONS", Runtime.NODE),
        ("GOMEMLIMIT", Runtime.GO),
        ("DOTNET_GCHeapHardLimit", Runtime.DOTNET),
        ("COMPlus_GCHeapHardLimit", Runtime.DOTNET),
    ],
)
def test_whose_heap_is_unknown_the_variable_says(name: str, runtime: Runtime) -> None:
    found = heap(env=[{"name": name, "value": "1"}, {"name": "A", "value": "x" * MAX_RAW_BYTES}])
    assert found is not None
    assert found.runtime is runtime


def test_many_containers_are_read_no_further_than_one() -> None:
    env = [{"name": "GOMEMLIMIT", "value": "1GiB"}, {"name": "A", "value": "x" * (MAX_RAW_BYTES // 3)}]
    pod = project_pod(raw({"env": env}, {"command": ["true"]}, {"env": env}, {"env": env})).pod
    heaps = [each.heap for each in pod.containers]
    assert [each.hidden if each is not None else None for each in heaps] == [False, None, False, True]


def test_init_containers_and_sidecars_have_heaps_too() -> None:
    env = [{"name": "GOMEMLIMIT", "value": "1GiB"}]
    pod = project_pod(raw({}, initContainers=[{"name": "proxy", "restartPolicy": "Always", "env": env}])).pod
    assert [(each.name, each.heap is not None) for each in pod.containers] == [("proxy", True), ("c0", False)]


words = st.sampled_from(["java", "-Xmx", "1g", "$(A)", "$$", "'", "node", "--max-old-space-size=", "sh", "-c", "\0", "\x01"])
fields = st.sampled_from(["name", "value", "valueFrom", "x"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | words | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=3),
    max_leaves=8,
)


@given(anything, anything, anything, anything)
def test_no_spec_is_lost_for_what_it_starts(command: Any, args: Any, env: Any, env_from: Any) -> None:
    marked = [{"name": "JAVA_OPTS", "value": "-Xmx1g"}, *env] if isinstance(env, list) else env
    projected = project_pod(raw({"command": command, "args": args, "env": marked, "envFrom": env_from}))
    assert projected.pod.containers[0].name == "c0"
