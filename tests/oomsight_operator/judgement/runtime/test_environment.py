from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.runtime.starts import CONFIG_MAP, MI, of_limit, start

from oomsight_operator.judgement.runtime.environment import MAX_TOTAL, Variable, expand, start_of
from oomsight_operator.judgement.runtime.marks import MAX_TEXT, OF_LIMIT, UNKNOWN
from oomsight_operator.judgement.runtime.shell import Command


def test_references_are_resolved_as_the_kubelet_does() -> None:
    known = {"A": "1", "B": ""}
    texts = ("$(A)", "x$(A)y$(A)", "$$(A)", "$$$(A)", "$(B)", "$(", "$A", "$(C)", "$", "$$", "$(A")
    assert [expand(text, known) for text in texts] == [
        *("1", "x1y1", "$(A)", "$1", "", "$(", "$A", UNKNOWN, "$", "$", "$(A"),
    ]


def test_what_can_name_no_variable_stays_as_it_is() -> None:
    assert expand("java -D$(echo ')') $(cat /x) $(A B)", {"A B": "1"}) == "java -D$(echo ')') $(cat /x) 1"


def test_a_variable_refers_to_those_before_it_alone() -> None:
    assert start(env={"A": "$(B)", "B": "b", "C": "$(B)c"}).variables == {"A": UNKNOWN, "B": "b", "C": "bc"}


def test_arguments_refer_to_all_of_them() -> None:
    assert start(["java", "-Xmx$(HEAP)"], ["$(X)"], env={"HEAP": "1g"}).script.commands == (Command(("java", "-Xmx1g", UNKNOWN)),)


def test_what_comes_from_elsewhere_is_unknown() -> None:
    assert start(env={"A": CONFIG_MAP, "B": "x$(A)"}).variables == {"A": UNKNOWN, "B": f"x{UNKNOWN}"}


def test_its_own_limit_is_known_and_marked_in_units_of_the_divisor_rounded_up() -> None:
    env = {"A": of_limit(), "B": of_limit("1Mi"), "C": of_limit("1Gi", "app"), "D": of_limit("0")}
    marked = [f"{OF_LIMIT}{number}{OF_LIMIT}" for number in (512 * MI, 512, 1, 512 * MI)]
    assert list(start(env=env).variables.values()) == marked


def test_another_containers_limit_a_request_nonsense_and_no_limit_are_unknown() -> None:
    env = {"A": of_limit(container="other"), "B": of_limit(resource="requests.memory"), "C": of_limit("much")}
    assert set(start(env=env).variables.values()) == {UNKNOWN}
    assert start(env={"A": of_limit()}, limit=None).variables == {"A": UNKNOWN}


def test_a_tenant_cannot_write_the_mark_of_the_limit() -> None:
    assert OF_LIMIT not in start(env={"A": f"{OF_LIMIT}5{OF_LIMIT}"}).variables["A"]
    assert OF_LIMIT not in start(args=[f"-Xmx{OF_LIMIT}5{OF_LIMIT}"]).args[0]


def test_references_to_references_do_not_fill_the_memory() -> None:
    env = {"A0": "x" * 1000, **{f"A{n}": f"$(A{n - 1})" * 20 for n in range(1, 50)}}
    assert sum(len(value) for value in start(env=env).variables.values()) <= MAX_TOTAL + MAX_TEXT
    words = start(["java"], ["$(A0)"] * 10_000, env=env).script.commands[0].words
    assert sum(len(word) for word in words) <= MAX_TOTAL + MAX_TEXT
    assert words[-1] == UNKNOWN


@given(
    st.lists(st.text(max_size=40), max_size=3),
    st.lists(st.text(max_size=40), max_size=3),
    st.lists(st.tuples(st.sampled_from("ABC"), st.text(alphabet="$()ABC x\0\x01", max_size=30)), max_size=5),
)
def test_nothing_makes_it_fail(command: list[str], args: list[str], env: list[tuple[str, str]]) -> None:
    found = start_of(command, args, [Variable(name, value) for name, value in env], limit_bytes=MI)
    assert set(found.variables) == {name for name, _ in env}
    assert all(OF_LIMIT not in value for value in found.variables.values())
