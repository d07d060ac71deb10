from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.runtime.starts import start

from oomsight_operator.judgement.runtime.script import script_of


def commands(*argv: str) -> list[tuple[str, ...]]:
    return [command.words for command in script_of(argv, {}).commands]


@pytest.mark.parametrize(
    "argv",
    [
        ("/bin/sh", "-ec", "exec java -Xmx1g"),
        ("bash", "-l", "-c", "exec java -Xmx1g", "x"),
        ("bash", "-c", "-e", "exec java -Xmx1g"),
        ("bash", "-euo", "pipefail", "-c", "exec java -Xmx1g"),
        ("bash", "--rcfile", "x", "-cx", "--", "exec java -Xmx1g"),
        ("busybox", "sh", "-c", "exec java -Xmx1g"),
        ("tini", "--", "gosu", "app", "sh", "-c", "exec java -Xmx1g"),
    ],
    ids=" ".join,
)
def test_a_script_is_what_a_shell_is_given_with_c(argv: tuple[str, ...]) -> None:
    assert commands(*argv) == [("exec", "java", "-Xmx1g")]


@pytest.mark.parametrize(
    "argv", [("sh", "run.sh", "-c", "java"), ("java", "sh", "-c", "x"), ("sh", "-c"), ("sh",), ("busybox", "wget", "-c", "java")]
)
def test_everything_else_is_one_command(argv: tuple[str, ...]) -> None:
    assert commands(*argv) == [argv]


def test_what_runs_in_the_end_has_the_variables_of_the_last_command() -> None:
    script = "GOMEMLIMIT=1GiB ./migrate; export A=1; exec env B=2 C=3 ./app"
    assert start(["sh", "-c", script], env={"D": "4"}).variables == {"A": "1", "B": "2", "C": "3", "D": "4"}
    assert start(["env", "-i", "B=2", "./app"], env={"D": "4"}).variables == {"B": "2"}
