from __future__ import annotations

from tests.oomsight_operator.judgement.runtime.starts import start

from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.launch import launched
from oomsight_operator.judgement.runtime.marks import UNKNOWN


def words(found: Start) -> tuple[str, ...] | None:
    launch = launched(found, "java")
    return launch.words if launch is not None else None


def test_the_program_itself_behind_wrappers_and_in_a_script() -> None:
    assert words(start(["/usr/bin/java", "-jar", "x"], ["y"])) == ("-jar", "x", "y")
    assert words(start(["tini", "--", "gosu", "app", "java", "x"])) == ("x",)
    assert words(start(["bash", "-c", "migrate && exec java -jar x"])) == ("-jar", "x")


def test_the_last_one_of_a_script_counts() -> None:
    assert words(start(["sh", "-c", "java -version; java -Xmx1g x"])) == ("-Xmx1g", "x")
    assert words(start(["sh", "-c", "java -jar migrate.jar && exec java -Xmx1g x"])) == ("-Xmx1g", "x")


def test_which_of_several_is_run_is_not_guessed() -> None:
    for script in (
        "if x; then exec java -Xmx1g x; else exec java -Xmx2g x; fi",
        "[ -n x ] && exec java -Xmx1g x; exec java -Xmx2g x",
        "java -Xmx1g x || java -Xmx2g x",
        "java -Xmx1g x; [ -n x ] && java -Xmx2g x",
        "case $A in a) java -Xmx1g x;; *) java -Xmx2g x;; esac",
    ):
        assert words(start(["sh", "-c", script])) == (UNKNOWN,), script
    assert words(start(["sh", "-c", "until java -Xmx1g x; do java -Xmx1g x; done"])) == ("-Xmx1g", "x")


def test_variables_that_differ_between_them_are_not_guessed() -> None:
    script = "export C=3; if x; then A=1 java x; else A=2 java x; fi"
    found = launched(start(["sh", "-c", script], env={"B": "2"}), "java")
    assert found is not None
    assert found.variables == {"A": UNKNOWN, "B": "2", "C": UNKNOWN}


def test_a_program_has_the_variables_that_were_set_for_it() -> None:
    script = "JAVA_TOOL_OPTIONS=-Xmx1g ./migrate; A=1 java x"
    found = launched(start(["sh", "-c", script], env={"B": "2"}), "java")
    assert found is not None
    assert found.variables == {"A": "1", "B": "2"}


def test_a_word_that_is_no_command_starts_nothing() -> None:
    assert words(start(["lint", "--language", "java"])) is None
    assert words(start([], ["java"])) is None
