from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.runtime.marks import MAX_TEXT, UNKNOWN
from oomsight_operator.judgement.runtime.script import MAX_SCRIPT, shell_script
from oomsight_operator.judgement.runtime.shell import Reader


def commands(script: str, **variables: str) -> tuple[tuple[str, ...], ...]:
    return tuple(command.words for command in shell_script(script, variables).commands)


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
    found = shell_script(script, {"A": "0", "C": "2"})
    (command,) = found.commands
    assert command.words == ("java", "1", "-Xmx1g", "-Xms1g", "2")
    assert found.environment(command) == {"A": "1", "B": "-Xmx1g -Xms1g", "C": "3"}


def environment(script: str, **variables: str) -> dict[str, str]:
    """Of the last command."""
    found = shell_script(script, variables)
    return dict(found.environment(found.commands[-1]))


def test_only_exported_variables_reach_a_program_and_its_own_end_with_it() -> None:
    assert environment("A=1; x") == {}
    assert environment("A=1; export A; x") == {"A": "1"}
    assert environment("export A; A=1; x") == {"A": "1"}
    assert environment("export -n B A=1; x") == {"A": "1"}
    assert environment("set -ea; A=1; x") == environment("set -o allexport; A=1; x") == {"A": "1"}
    assert environment("A=1 y; x", A="0") == {"A": "0"}
    assert environment("declare -x A=1; B=2 x") == {"A": "1", "B": "2"}
    assert environment("unset A; x", A="0", B="0") == {"B": "0"}
    assert environment("A+=1; x", A="0") == {"A": "01"}


def test_what_was_assigned_only_perhaps_is_unknown() -> None:
    for script in (
        "if x; then A=1; fi; x",
        "[ -n x ] && A=1; x",
        "test x || A=1\nx",
        "case x in a) A=1;; b) y;; esac; x",
        "while y; do A=1; done; x",
        "(export A=1; y); x",
        "if y; then A=1; else x",
        "read A; x",
    ):
        assert environment(script, A="0")["A"] == UNKNOWN, script
    assert environment("cd /x && A=1 && x", A="0") == {"A": "1"}
    assert environment("if y; then A=1; x", A="0") == {"A": "1"}


def test_reserved_words_are_no_commands_and_say_that_not_everything_runs() -> None:
    found = shell_script("if a; then b; elif c; then d; else e; fi; while f; do g; done; time h; { i; }", {})
    assert [command.words for command in found.commands] == [(name,) for name in "abcdefghi"]
    assert found.branches
    assert not shell_script("a && b; c", {}).branches
    assert shell_script("a || b", {}).branches


def test_what_a_loop_assigns_counts_for_its_next_turn() -> None:
    found = shell_script("while x; do java $A; for y in 1 2; do A=2 B=3 env C=4 z; C=$A; done; done; last $C", {"A": "1", "D": "5"})
    assert [command.words for command in found.commands[:2]] == [("x", UNKNOWN), ("java", UNKNOWN)]
    assert found.commands[2].words == ("z", UNKNOWN)
    assert found.commands[3].words == ("last", UNKNOWN)
    assert found.environment(found.commands[2]) == {"A": UNKNOWN, "B": UNKNOWN, "C": UNKNOWN, "D": "5"}
    assert commands("until nc db; do sleep 1; done; java $A", A="1") == (("nc", "db"), ("sleep", "1"), ("java", "1"))


def test_an_assigned_variable_is_not_split_unless_that_depends_on_the_shell() -> None:
    assert environment("A=$B x", B="1 2") == {"A": "1 2", "B": "1 2"}
    assert environment("A=x$B; export A; x", B="1 2")["A"] == "x1 2"
    assert environment("export A=$B; x", B="1 2")["A"] == UNKNOWN
    assert environment("export A=$B; x", B="1")["A"] == "1"
    assert commands("env A=$B x", B="1 2") == (("env", "A=1", "2", "x"),)


def test_redirections_are_no_words() -> None:
    assert commands("java >log 2>&1 -a <in >> more -b 2> /dev/null &> x -c <<<text -d") == (("java", "-a", "-b", "-c", "-d"),)
    assert commands("java a2>x") == (("java", "a2"),)


def test_nested_expansions_end_where_they_end() -> None:
    assert commands('java -Da=$(x $(y) ")" \')\') -b ${C:-${D:-"}"}} $((1 + (2))) -e') == (
        ("java", f"-Da={UNKNOWN}", "-b", UNKNOWN, UNKNOWN, "-e"),
    )
    assert commands('cd "$(dirname "$(readlink "$0")")" && java -a') == (("cd", UNKNOWN), ("java", "-a"))
    assert commands("java -D$'a\\tb' -c") == (("java", f"-D{UNKNOWN}a\\tb", "-c"),)


@pytest.mark.parametrize("script", ["cat <<EOF\njava -a\nEOF\n", "run() { java -a; }; run", "A=(java -a); x", "x <(java -a)"])
def test_where_commands_begin_is_not_guessed(script: str) -> None:
    assert commands(script) == ()


def test_a_script_that_doubles_does_not_fill_the_memory() -> None:
    script = "A=xxxxxxxxxxxxxxxxxxxx;" + "A=$A$A;" * 200 + "java $A"
    assert sum(len(word) for command in commands(script) for word in command) <= 2 * MAX_TEXT
    reader = Reader({"A": "x" * 1000})
    reader.read("A+=x;" * 1600)
    assert sum(len(value or "") for _, value in reader.variables.changes) <= 2 * MAX_TEXT


def test_a_long_script_is_not_read() -> None:
    assert commands("#" * MAX_SCRIPT) == ()
    assert commands("java;" + "#" * (MAX_SCRIPT - 5)) == (("java",),)
    assert commands("java;" + "#" * (MAX_SCRIPT - 4)) == ()


def test_appending_to_what_nobody_knows_is_unknown() -> None:
    assert commands("JAVA_OPTS+=' -a'; java $JAVA_OPTS") == (("java", UNKNOWN, "-a"),)
    assert commands("A=1; A+=2; java $A") == (("java", "12"),)


@given(st.text(alphabet="ab $(){}'\"\\`;&|#=\n\0-A", max_size=200))
def test_no_script_makes_it_fail(script: str) -> None:
    for command in commands(script, A="a b", B="'"):
        assert command
        assert all(isinstance(word, str) for word in command)
