from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.runtime.process import heap_by_process
from oomsight_operator.judgement.runtime.setting import Runtime


@pytest.mark.parametrize(("name", "runtime"), [("java", Runtime.JVM), ("node", Runtime.NODE), ("dotnet", Runtime.DOTNET)])
def test_a_known_name_is_a_heap_that_nobody_knows(name: str, runtime: Runtime) -> None:
    found = heap_by_process(name)
    assert found is not None
    assert (found.runtime, found.hidden, found.explicit, found.where) == (runtime, True, False, f"its largest process is {name}")


@given(st.none() | st.text(max_size=15))
def test_any_other_name_is_none(name: str | None) -> None:
    assert (heap_by_process(name) is None) == (name not in {"java", "node", "node-MainThread", "dotnet"})
