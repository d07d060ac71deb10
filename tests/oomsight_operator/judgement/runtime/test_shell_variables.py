from __future__ import annotations

from oomsight_operator.judgement.runtime.marks import UNKNOWN
from oomsight_operator.judgement.runtime.shell_variables import ShellVariables


def test_programs_get_what_is_exported_in_order() -> None:
    variables = ShellVariables({"A": "0"})
    variables.assign("A", "1")
    variables.assign("B", "2")
    variables.declare(("-x", "C=3", "B"), export=False)
    variables.unset(("A",))
    variables.assign("A", "4")
    assert variables.changes == [("A", "1"), ("C", "3"), ("B", "2"), ("A", None)]
    assert [variables.value(name) for name in "ABCD"] == ["4", "2", "3", UNKNOWN]


def test_exported_only_perhaps() -> None:
    variables = ShellVariables({})
    variables.chained = True
    variables.declare(("A",), export=True)
    variables.set_options(("-a",))
    variables.chain_ends()
    variables.assign("A", "1")
    variables.assign("B", "2")
    assert variables.changes == [("A", UNKNOWN), ("B", UNKNOWN)]
    assert variables.value("A") == "1"
    variables.declare(("A",), export=True)
    assert variables.changes[-1] == ("A", "1")


def test_behind_a_condition_its_assignments_are_unknown() -> None:
    variables = ShellVariables({"A": "0", "B": "0"})
    variables.depth = 1
    variables.assign("A", "1")
    assert variables.value("A") == "1"
    variables.branch_ends()
    assert variables.value("A") == UNKNOWN
    variables.unset(("B",))
    variables.compound_ends()
    assert variables.value("B") == UNKNOWN
    assert variables.changes[-1] == ("B", UNKNOWN)
