from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.runtime.starts import CONFIG_MAP, GI, MI, of_limit, start

from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.jvm import SCRIPTS, jvm_heap
from oomsight_operator.judgement.runtime.setting import HeapSetting, Share

JAVA = ["java"]


def heap(found: Start) -> HeapSetting:
    setting = jvm_heap(found)
    assert setting is not None
    return setting


def test_the_last_size_counts_and_says_where_it_stands() -> None:
    found = heap(start([*JAVA, "-Xmx1g", "-XX:MaxHeapSize=512m", "-jar", "app.jar"]))
    assert (found.fixed_bytes, found.where) == (512 * MI, "-XX:MaxHeapSize on the command line")


@pytest.mark.parametrize(
    ("text", "size"), [("512m", 512 * MI), ("2G", 2 * GI), ("1048576k", GI), ("1t", 1 << 40), ("0x10000000", GI >> 2)]
)
def test_units(text: str, size: int) -> None:
    assert heap(start(env={"JAVA_TOOL_OPTIONS": f"-Xmx{text}"})).fixed_bytes == size


@pytest.mark.parametrize("text", ["", "512mb", "0.5g", "-1", "+1g", "1 g", "9" * 30, "1e9", "g"])
def test_a_size_that_the_jvm_refuses_is_not_believed(text: str) -> None:
    found = heap(start(env={"JAVA_TOOL_OPTIONS": f"'-Xmx{text}'"}))
    assert found.hidden
    assert found.doubt == "whose value does not parse"


def test_the_command_line_beats_its_variables_and_underscore_beats_all() -> None:
    env: dict[str, str] = {"JAVA_TOOL_OPTIONS": "-Xmx1g", "JDK_JAVA_OPTIONS": "-Xmx2g"}
    assert heap(start(env=env)).where == "-Xmx in JDK_JAVA_OPTIONS"
    assert heap(start([*JAVA, "-Xmx3g"], env=env)).fixed_bytes == 3 * GI
    assert heap(start([*JAVA, "-Xmx3g"], env={**env, "_JAVA_OPTIONS": "-Xmx4g"})).fixed_bytes == 4 * GI


def test_what_follows_the_program_is_its_own() -> None:
    assert heap(start([*JAVA, "-cp", "x", "-Xmx1g", "Main", "-Xmx2g"])).fixed_bytes == GI
    assert heap(start([*JAVA, "-jar", "app.jar", "-Xmx2g"])).fixed_bytes is None


def test_a_shell_and_what_it_starts() -> None:
    env = {"JAVA_OPTS": "-Xmx1g -Dx=1"}
    assert heap(start(["sh", "-c", "exec java $JAVA_OPTS -jar app.jar"], env=env)).fixed_bytes == GI
    assert heap(start(["sh", "-c", "JAVA_TOOL_OPTIONS=-Xmx3g java -jar app.jar"])).fixed_bytes == 3 * GI
    assert heap(start(["/bin/tini", "--", "/opt/bin/java", "-Xmx2g", "Main"])).fixed_bytes == 2 * GI


def test_java_itself_reads_no_java_opts() -> None:
    found = heap(start([*JAVA, "-jar", "app.jar"], env={"JAVA_OPTS": "-Xmx1g"}))
    assert (found.where, found.explicit) == ("the JVM's default", False)


def test_a_start_script_may_read_them_and_that_is_said() -> None:
    found = heap(start(env={"CATALINA_OPTS": "-Xmx1g", "JAVA_OPTS": "-Xmx2g"}))
    assert (found.fixed_bytes, found.doubt) == (GI, "if its start script passes CATALINA_OPTS on")
    found = heap(start(args=["-Xmx1g", "-jar", "app.jar"]))
    assert (found.fixed_bytes, found.doubt) == (GI, "if its image starts java with them")


def test_without_a_size_it_is_a_quarter_of_the_limit() -> None:
    found = heap(start([*JAVA, "-jar", "app.jar"]))
    assert [found.heap_bytes(limit * MI) for limit in (100, 512, 4096)] == [50 * MI, 128 * MI, GI]
    assert found.follows_limit


def test_percentages_and_fractions() -> None:
    assert heap(start([*JAVA, "-XX:MaxRAMPercentage=75", "Main"])).heap_bytes(GI) == 768 * MI
    assert heap(start([*JAVA, "-XX:MaxRAMFraction=2", "Main"])).heap_bytes(GI) == 512 * MI
    assert heap(start([*JAVA, "-XX:MinRAMPercentage=80.0", "Main"])).heap_bytes(100 * MI) == 80 * MI
    assert heap(start([*JAVA, "-Xms400m", "Main"])).heap_bytes(512 * MI) == 400 * MI
    assert heap(start([*JAVA, "-XX:MaxRAM=2g", "-XX:MaxRAMPercentage=50", "Main"])).fixed_bytes == GI
    assert heap(start([*JAVA, "-XX:MaxRAMPercentage=75", "-XX:-UseContainerSupport", "Main"])).of_node


@pytest.mark.parametrize("text", ["101", "-1", "x", "1e1", "+50", "", "75 ", "75,0", "75%", ".5"])
def test_a_percentage_that_the_jvm_refuses_is_not_believed(text: str) -> None:
    found = heap(start([*JAVA, f"-XX:MaxRAMPercentage={text}", "Main"]))
    assert (found.hidden, found.doubt) == (True, "whose value does not parse")


def test_old_options_of_the_launcher_and_a_heap_by_the_machine() -> None:
    assert heap(start([*JAVA, "-Xmx1g", "-mx512m", "Main"])).fixed_bytes == 512 * MI
    assert heap(start(env={"JAVA_TOOL_OPTIONS": "-mx512m"})).hidden
    found = heap(start([*JAVA, "-Xmx1g", "-XX:+AggressiveHeap", "Main"]))
    assert (found.hidden, found.explicit, found.where) == (True, True, "-XX:+AggressiveHeap on the command line")
    assert heap(start([*JAVA, "-XX:+AggressiveHeap", "-Xmx1g", "Main"])).fixed_bytes == GI


def test_what_another_command_was_given_is_not_believed() -> None:
    env: dict[str, str] = {"JAVA_OPTS": "-Xmx2g"}
    for script in (
        "JAVA_TOOL_OPTIONS=-Xmx64m ./migrate; exec java -jar app.jar",
        "JAVA_TOOL_OPTIONS=-Xmx64m; exec java -jar app.jar",  # not exported
        "env JAVA_TOOL_OPTIONS=-Xmx64m ./migrate && java -jar app.jar",
    ):
        assert heap(start(["sh", "-c", script], env=env)).where == "the JVM's default", script
    assert heap(start(["env", "JAVA_TOOL_OPTIONS=-Xmx64m", "java", "-jar", "app.jar"])).fixed_bytes == 64 * MI
    assert heap(start(["sh", "-c", "java -Da=$(x $(y)) >log -Xmx1g -jar app.jar"])).fixed_bytes == GI
    assert heap(start(["sh", "-c", "if x; then exec java -Xmx1g a; fi; exec java -Xmx2g a"])).hidden
    assert heap(start(["sh", "-c", r"JAVA_OPTS=$JAVA_OPTS\ -Xmx1g; exec java $JAVA_OPTS -jar a"], env=env)).fixed_bytes == GI
    assert jvm_heap(start(["nohup", "./run.sh", "java", "-Xmx1g"])) is None


def test_openj9_reads_variables_of_its_own() -> None:
    env = {"JAVA_TOOL_OPTIONS": "-Xmx1g", "OPENJ9_JAVA_OPTIONS": "-Xmx2g", "IBM_JAVA_OPTIONS": "-Xmx3g"}
    found = heap(start(env=env))
    assert (found.fixed_bytes, found.where, found.doubt) == (3 * GI, "-Xmx in IBM_JAVA_OPTIONS", "if it is OpenJ9")
    assert heap(start([*JAVA, "-Xmx4g", "Main"], env=env)).fixed_bytes == 4 * GI


def test_what_openj9_takes_without_a_size_is_not_guessed() -> None:
    for found in (
        heap(start([*JAVA, "-Xgcpolicy:gencon", "Main"])),
        heap(start([*JAVA, "Main"], env={"IBM_JAVA_OPTIONS": "-Xshareclasses"})),
        heap(start([*JAVA, "-XX:MaxRAM=2g", "Main"], env={"OPENJ9_JAVA_OPTIONS": ""})),
    ):
        assert (found.hidden, found.explicit, found.doubt) == (True, False, "which OpenJ9 sizes by rules of its own")
    assert heap(start([*JAVA, "-Xgcpolicy:gencon", "-XX:MaxRAMPercentage=70", "Main"])).share == Share(70.0)
    assert heap(start([*JAVA, "-Xgcpolicy:gencon", "-Xoptionsfile=x", "Main"])).hidden
    assert heap(start([*JAVA, "Main"])).doubt == "unless it is OpenJ9"


def test_its_own_limit_as_a_size_is_a_share() -> None:
    found = heap(start(env={"LIMIT": of_limit("1Mi"), "JAVA_TOOL_OPTIONS": "-Xmx$(LIMIT)m"}))
    assert (found.share, found.follows_limit) == (Share(100.0), True)


def test_a_value_from_elsewhere_is_unknown_and_said() -> None:
    found = heap(start(env={"HEAP": CONFIG_MAP, "JAVA_TOOL_OPTIONS": "-Xmx$(HEAP)"}))
    assert (found.hidden, found.where, found.explicit) == (True, "-Xmx in JAVA_TOOL_OPTIONS", True)
    assert found.doubt == "whose value is not in the pod's spec"
    assert heap(start(env={"JAVA_TOOL_OPTIONS": CONFIG_MAP})).hidden
    assert heap(start([*JAVA, "Main"], from_elsewhere=True)).hidden


def test_unseen_options_count_where_they_would_win() -> None:
    assert heap(start([*JAVA, "-Xmx1g", "@more", "Main"])).hidden
    assert heap(start([*JAVA, "@more", "-Xmx1g", "Main"])).fixed_bytes == GI
    assert heap(start([*JAVA, "-XX:Flags=file", "Main"])).hidden
    assert heap(start([*JAVA, "@more", "-XX:MaxRAMPercentage=75", "Main"])).hidden


def test_a_jvm_by_its_variable_alone_has_a_heap_that_nobody_knows() -> None:
    found = heap(start(env={"JAVA_TOOL_OPTIONS": "-javaagent:/otel.jar"}))
    assert (found.hidden, found.explicit) == (True, False)
    assert jvm_heap(start(["app"], env={"JAVA_HOME": "/opt/java"})) is None
    assert jvm_heap(start(["app"], ["java", "-Xmx1g"])) is None


def test_what_may_grow_beside_it() -> None:
    found = heap(start([*JAVA, "-Xmx1g", "-XX:MaxMetaspaceSize=128m", "-XX:MaxDirectMemorySize=64m", "Main"]))
    assert found.beside == (("-XX:MaxMetaspaceSize", 128 * MI), ("-XX:MaxDirectMemorySize", 64 * MI))


@given(st.text(max_size=60), st.text(alphabet="-XxmsmgXX:MaxRAMPercentage=0159.\0\x01'\" @", max_size=60))
def test_nothing_of_what_stands_there_is_kept_but_amounts(secret: str, options: str) -> None:
    found = jvm_heap(start(["sh", "-c", f"java {options} {secret}"], env={"JAVA_TOOL_OPTIONS": options, "_JAVA_OPTIONS": secret}))
    words = {"-Xmx", "-XX:MaxHeapSize", "-XX:MaxRAM", "-XX:MaxRAMPercentage", "the JVM's default", "", "in", "on the command line"}
    places = ("in JAVA_TOOL_OPTIONS", "in JDK_JAVA_OPTIONS", "on the command line", "in _JAVA_OPTIONS")
    allowed = words | set(places) | {f"{word} {place}" for word in words for place in places}
    if found is not None:
        assert re.sub(r"-XX:M(in|ax)RAM(Percentage|Fraction)", "-XX:MaxRAMPercentage", found.where) in allowed
        assert found.fixed_bytes is None or 0 < found.fixed_bytes < 1 << 61


java = pytest.mark.skipif(shutil.which("java") is None, reason="no java on this machine to compare with")


def said_by_java(env: Mapping[str, str], options: Sequence[str]) -> int:
    """MaxHeapSize of a real JVM."""
    clean = {name: value for name, value in os.environ.items() if "JAVA" not in name or name == "JAVA_HOME"}
    line = ["java", *options, "-XX:+PrintFlagsFinal", "-version"]
    done = subprocess.run(line, env={**clean, **env}, capture_output=True, text=True, check=True, timeout=60)
    match = re.search(r"\bMaxHeapSize\s*=\s*(\d+)", done.stdout)
    assert match is not None
    return int(match[1])


SOURCES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "line", "_JAVA_OPTIONS")
PRECEDENCE = [
    {source: f"-Xmx{64 + 32 * SOURCES.index(source)}m" for source in chosen}
    for size in (1, 2, 4)
    for chosen in itertools.combinations(SOURCES, size)
]
FORMS = [
    {"line": "-Xmx64m -XX:MaxHeapSize=96m -Xms8m"},
    {"line": "-XX:MaxHeapSize=96m -Xmx64m"},
    {"JAVA_TOOL_OPTIONS": "'-Xmx1'28m -Dx=\"a b\"", "line": "-Dy=1"},
    {"JDK_JAVA_OPTIONS": '"-Xmx160m"'},
    {"line": "-Xmx0x8000000"},
    {"line": "-Xmx131072k"},
    {"line": "-Xmx134217728"},
    {"line": "-Xmx64m -mx0128M"},
    {"line": "-XX:MaxHeapSize=1T"},
    {"line": "-XX:MaxRAM=2g -XX:MaxRAMPercentage=0"},
    {"line": "-XX:MaxRAM=2g -XX:InitialRAMPercentage=90 -XX:MaxRAMPercentage=0075"},
    {"line": "-XX:MaxRAM=200m -XX:MinRAMPercentage=10"},
    *({"line": f"-XX:MaxRAM={ram}"} for ram in ("100m", "200m", "300m", "499m", "512m", "2g")),
    {"line": "-XX:MaxRAM=2g -XX:MaxRAMPercentage=75"},
    {"line": "-XX:MaxRAM=2g -XX:MaxRAMPercentage=75 -XX:MaxRAMPercentage=50.5"},
    {"line": "-XX:MaxRAM=200m -XX:MinRAMPercentage=80 -XX:MaxRAMPercentage=75"},
    {"line": "-XX:MaxRAM=512m -Xms400m"},
    {"line": "-XX:MaxRAM=512m -Xmx700m"},
    {"line": "-Xmx100m", "_JAVA_OPTIONS": "-XX:MaxRAM=1g -XX:MaxRAMPercentage=50"},
]


@java
@pytest.mark.parametrize("given_options", [*PRECEDENCE, *FORMS], ids=str)
def test_a_real_jvm_says_the_same(given_options: dict[str, str]) -> None:
    line = given_options.get("line", "").split()
    env: dict[str, str] = {name: text for name, text in given_options.items() if name != "line"}
    found = heap(start([*JAVA, "-XX:+UseSerialGC", *line, "-version"], env=env))
    assert found.fixed_bytes is not None
    real = said_by_java(env, ["-XX:+UseSerialGC", *line])
    assert 0 <= real - found.fixed_bytes < 4 * MI  # rounded up to the collector's alignment


PIECES = ("-Xmx64m", "-Xmx96m", "'", '"', "\\", "\t", "-Xmx", "128m", "-XX:MaxHeapSize=160m", "-Da=b", "''", '-Dx="a \' b"')


@java
@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"]),
    st.lists(st.sampled_from(PIECES) | st.just(" "), max_size=7).map("".join),
)
def test_a_real_jvm_splits_drawn_options_alike(name: str, options: str) -> None:
    try:
        real = said_by_java({name: options}, ["-XX:+UseSerialGC", "-XX:MaxRAM=2g"])
    except subprocess.CalledProcessError:
        return
    found = heap(start([*JAVA, "-XX:+UseSerialGC", "-XX:MaxRAM=2g", "-version"], env={name: options}))
    assert found.hidden or (found.fixed_bytes is not None and 0 <= real - found.fixed_bytes < 4 * MI)


@java
@pytest.mark.parametrize("option", [*(f"-Xmx{text}" for text in ("512mb", "0.5g", "-1", "+1g", "")), "-XX:MaxRAMPercentage=75,0"])
def test_a_real_jvm_refuses_the_same(option: str) -> None:
    assert heap(start([*JAVA, option, "Main"])).hidden
    with pytest.raises(subprocess.CalledProcessError):
        said_by_java({}, [option])


def test_every_script_variable_is_looked_for() -> None:
    for name in SCRIPTS:
        assert heap(start(env={name: "-Xmx1g"})).fixed_bytes == GI
