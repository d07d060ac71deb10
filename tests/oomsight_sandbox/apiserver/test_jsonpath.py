"""The paths of printer columns."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.apiserver.jsonpath import compile_path

VALUE = {
    "spec": {"list": [{"n": 1}, {"n": 2}], "map": {"a.b/c": "x"}},
    "status": {"conditions": [{"type": "Accepted", "status": "True"}, {"type": "Ready", "status": "False"}], "count": 0},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.list[0].n", [1]),
        (".spec.list[-1].n", [2]),
        (".spec.list[*].n", [1, 2]),
        ("{.status.count}", [0]),
        ("status.count", [0]),
        ("$.status.count", [0]),
        (".spec.map['a.b/c']", ["x"]),
        (r".spec.map.a\.b/c", ["x"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["False"]),
        (".status.conditions[?(@.type=='Accepted')].status", ["True"]),
        ('.status.conditions[?(@.type!="Ready")].type', ["Accepted"]),
        (".missing.field", []),
        (".spec.list[9]", []),
        (".spec[", []),
        (".status.conditions[?(@.type=~/x/)]", []),
    ],
)
def test_paths_find_what_is_there(path: str, found: list[Any]) -> None:
    assert compile_path(path)(VALUE) == found


@given(st.text(max_size=30))
def test_any_path_finds_something_or_nothing(path: str) -> None:
    assert isinstance(compile_path(path)(VALUE), list)
