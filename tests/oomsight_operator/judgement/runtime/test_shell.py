from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.runtime.marks import MAX_TEXT, UNKNOWN
from oomsight_operator.judgement.runtime.shell import commands_of, shell_commands


def commands(script: str, **variables: str) -> tuple[tuple[str, ...], ...]:
    return shell_commands(script, variables)[0]


def test_a_line_is_its_words() -> None:
    assert commands("exec java -Xmx1g -jar 'my app.jar'") == (("exec", "java", "-Xmx1g", "-jar", "my app.jar"),)


def test_commands_are_told_apart() -> None:
    script = "cd /app && ./prepare; java -jar a.jar & # java -jar b.jar\nwait | cat"
    assert commands(script) == (("cd", "/app"), ("./prepare",), ("java", "-jar", "a.jar"), ("wait",), ("cat",))


def test_variables_are_split_unless_they_are_quoted() -> None:
    assert commands('java $OPTS "$OPTS" ${OPTS}x', OPTS="-Xmx1g -Xms1g") == (
        ("java", "-Xmx1g", "-Xms1g", "-Xmx1g -Xms1g", "-Xmx1g", "-Xms1gx"),
    )
    assert commands("java $NONE -x", NONE="") == (("java", "-x"),)
    assert commands("java '$OPTS' \\$OPTS", OPTS="a") == (("java", "$OPTS", "$OPTS"),)


def test_what_a_shell_would_compute_is_unknown() -> None:
    assert commands("java $(heap of this) ${A:-1g} `x` $1 -jar $B") == (("java", *[UNKNOWN] * 4, "-jar", UNKNOWN),)


def test_assignments_and_exports_count_from_then_on() -> None:
    script = "A=1; export B='-Xmx1g -Xms1g'\nC=3 java $A $B $C"
    found, variables = shell_commands(script, {"A": "0", "C": "2"})
    assert found == (("java", "1", "-Xmx1g", "-Xms1g", "2"),)
    assert variables == {"A": "1", "B": "-Xmx1g -Xms1g", "C": "3"}


def test_a_script_is_what_a_shell_is_given_with_c() -> None:
    assert commands_of(("/bin/sh", "-ec", "exec java -Xmx1g"), {})[0] == (("exec", "java", "-Xmx1g"),)
    assert commands_of(("tini", "--", "bash", "-l", "-c", "java", "x"), {})[0] == (("java",),)
    assert commands_of(("sh", "run.sh", "-c"), {})[0] == (("sh", "run.sh", "-c"),)
    assert commands_of(("java", "sh", "-c", "x"), {})[0] == (("java", "sh", "-c", "x"),)


def test_a_script_that_doubles_does_not_fill_the_memory() -> None:
    script = "A=xxxxxxxxxxxxxxxxxxxx;" + "A=$A$A;" * 200 + "java $A"
    assert sum(len(word) for command in commands(script) for word in command) <= 2 * MAX_TEXT
    assert commands("x" * (MAX_TEXT + 1)) == ()


@given(st.text(alphabet="ab $(){}'\"\\`;&|#=\n\0-A", max_size=200))
def test_no_script_makes_it_fail(script: str) -> None:
    for command in commands(script, A="a b", B="'"):
        assert command
        assert all(isinstance(word, str) for word in command)
