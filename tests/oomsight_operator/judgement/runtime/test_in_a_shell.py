"""Scripts that a real shell runs: what is foretold of the program that they start last is what that program gets, or unknown."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.runtime.starts import start

from oomsight_operator.judgement.runtime.launch import launched
from oomsight_operator.judgement.runtime.marks import UNKNOWN

ENV = {"A": "-Xmx1g -a", "B": "", "JAVA_TOOL_OPTIONS": "-Xmx9g"}
JAVA = """#!/bin/sh
for each in "$@"; do printf '%s\\n' "$each"; done > "{folder}/said"
printf '%s' "${{JAVA_TOOL_OPTIONS-}}" > "{folder}/variable"
"""
"""Notes its arguments and its variable; the last one started has the word."""

NAMES = st.sampled_from(["A", "B", "C", "JAVA_TOOL_OPTIONS"])
TEXTS = st.sampled_from(["-Xmx2g", "'-Xmx3g -b'", '"$A"', "$B", "${C}x", "\\$A", '"$(echo $(echo -Xmx4g))"', "", "$A$A", '"a;b"'])
CONDITIONS = st.sampled_from(["true", "false", '[ -n "$B" ]', '[ "$A" = "-Xmx2g" ]', "! true"])
WORDS = st.sampled_from(
    ["-Xmx5g", "$A", '"$A"', "$B", '"$B"', "$C", "'-c d'", ">/dev/null", "2>&1", "${A}", "-D$(echo ')')", "# $A"]
)
WRAPPED = st.sampled_from(
    ["", "exec ", "env A=1 JAVA_TOOL_OPTIONS=-Xmx6g ", "env -u JAVA_TOOL_OPTIONS ", "nice -n 1 ", "A=7 ", "command "]
)
ASSIGNMENTS = st.builds("{}={}".format, NAMES, TEXTS)
LAUNCHES = st.builds(
    lambda given, wrapper, words: f"{given}{wrapper}java {' '.join(words)}",
    st.just("") | ASSIGNMENTS.map("{} ".format),
    WRAPPED,
    st.lists(WORDS, max_size=3),
)
SIMPLE = (
    ASSIGNMENTS
    | st.builds("export {}".format, ASSIGNMENTS)
    | st.builds("export {}".format, NAMES)
    | st.builds("unset {}".format, NAMES)
    | st.just("set -a")
    | CONDITIONS
    | LAUNCHES
)


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}\n{}".format, inner, inner),
        st.builds("{}\n{}".format, inner, inner),
        st.builds("{} && {}".format, SIMPLE, SIMPLE),
        st.builds("{} || {}".format, SIMPLE, SIMPLE),
        st.builds("{} && {} && {}".format, SIMPLE, SIMPLE, SIMPLE),
        st.builds("if {}\nthen {}\nelse {}\nfi".format, CONDITIONS, inner, inner),
        st.builds("if {}; then\n{}\nfi".format, CONDITIONS, inner),
        st.builds("for {} in 1 2; do\n{}\ndone".format, NAMES | st.just("x"), inner),
        st.builds("while false; do\n{}\ndone".format, inner),
        st.builds('case "$A" in -*) {}\n;;\n*) {}\n;; esac'.format, inner, inner),
        st.builds("( {}\n)".format, inner),
        st.builds("{{ {}\n}}".format, inner),
    )


PARTS = st.recursive(SIMPLE, compound, max_leaves=6)
SCRIPTS = PARTS | st.builds("{}\n{}".format, PARTS, LAUNCHES)
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its `java` is the one that notes."""
    made = tmp_path_factory.mktemp("shell")
    (made / "java").write_text(JAVA.format(folder=made))
    (made / "java").chmod(0o755)
    return made


@pytest.mark.skipif(not SHELLS, reason="no shell on this machine to compare with")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=SCRIPTS, shell=st.sampled_from(SHELLS or [""]))
def test_a_real_shell_starts_it_with_the_same_words_and_variables(folder: Path, script: str, shell: str) -> None:
    said, variable = folder / "said", folder / "variable"
    said.unlink(missing_ok=True)
    line = [shell, "sh", "-c", script] if shell == "busybox" else [shell, "-c", script]
    env = {**ENV, "PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(line, env=env, check=False, capture_output=True, timeout=60)
    found = launched(start(line, env=ENV), "java")
    if not said.exists() or found is None:
        return
    if not any(UNKNOWN in word for word in found.words):
        assert list(found.words) == said.read_text().splitlines()
    expected = found.variables.get("JAVA_TOOL_OPTIONS", "")
    if UNKNOWN not in expected:
        assert expected == variable.read_text()
