from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.runtime.wrappers import Unwrapped, unwrap


@pytest.mark.parametrize(
    "line",
    [
        "java -a",
        "/sbin/tini -s -p SIGTERM -- java -a",
        "exec -a name java -a",
        "nice -n 10 nohup java -a",
        "nice -10 java -a",
        "gosu java java -a",
        "su-exec app:app java -a",
        "setpriv --reuid 1000 --clear-groups java -a",
        "timeout -k 5 60 java -a",
        "dumb-init --rewrite 15:3 -- command java -a",
        "env -u X A=1 -- java -a",
    ],
)
def test_a_program_behind_wrappers(line: str) -> None:
    assert unwrap(tuple(line.split())).words == ("java", "-a")


def test_another_program_is_not_looked_behind() -> None:
    assert unwrap(("nohup", "./run.sh", "java")).words == ("./run.sh", "java")
    assert unwrap(("tini", "--")).words == ()
    assert unwrap(("env", "-S", "java -a")).words == ()


def test_env_changes_variables() -> None:
    found = unwrap(("env", "A=1", "-uB", "--unset=C", "-u", "D", "E+=5", "x"))
    assert found.environment({"A": "0", "B": "0", "C": "0", "D": "0"}) == {"A": "1"}
    assert found.words == ("E+=5", "x")
    assert unwrap(("env", "A=1", "-i", "B=2", "x")).environment({"C": "3"}) == {"B": "2"}


def test_what_replaces_the_shell() -> None:
    assert [unwrap(tuple(line.split())).replaces for line in ("exec java", "tini java", "nice exec java", "java exec")] == [
        *(True, False, True, False),
    ]


@given(st.lists(st.sampled_from(["env", "exec", "gosu", "nice", "timeout", "-u", "-i", "-S", "--", "A=1", "-", "", "x", "\0"])))
def test_no_words_make_it_fail_and_none_is_made_up(words: list[str]) -> None:
    found = unwrap(tuple(words))
    assert isinstance(found, Unwrapped)
    assert found.words == tuple(words[len(words) - len(found.words) :])
