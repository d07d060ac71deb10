from __future__ import annotations

from tests.oomsight_operator.judgement.runtime.starts import start

from oomsight_operator.judgement.runtime.launch import launched


def test_the_program_itself_behind_wrappers_and_in_a_script() -> None:
    assert launched(start(["/usr/bin/java", "-jar", "x"], ["y"]), "java") == ("-jar", "x", "y")
    assert launched(start(["tini", "--", "gosu", "app", "java", "x"]), "java") == ("x",)
    assert launched(start(["bash", "-c", "migrate && exec java -jar x"]), "java") == ("-jar", "x")


def test_the_last_one_of_a_script_counts() -> None:
    assert launched(start(["sh", "-c", "java -version; java -Xmx1g x"]), "java") == ("-Xmx1g", "x")


def test_a_word_that_is_no_command_starts_nothing() -> None:
    assert launched(start(["lint", "--language", "java"]), "java") is None
    assert launched(start([], ["java"]), "java") is None
