from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.runtime.starts import CONFIG_MAP, GI, MI, of_limit, start

from oomsight_operator.judgement.runtime.go import go_heap
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share


@pytest.mark.parametrize(("text", "size"), [("400MiB", 400 * MI), ("1GiB", GI), ("1048576", MI), ("5B", 5), ("2KiB", 2048)])
def test_its_units(text: str, size: int) -> None:
    assert go_heap(start(env={"GOMEMLIMIT": text})) == HeapSetting(Runtime.GO, "GOMEMLIMIT", fixed_bytes=size)


def test_off_empty_and_absent_bound_nothing() -> None:
    assert [go_heap(start(env=env)) for env in ({"GOMEMLIMIT": "off"}, {"GOMEMLIMIT": ""}, {"GOGC": "50"})] == [None] * 3


@pytest.mark.parametrize("text", ["400Mi", "400mib", "0x10", "-1", "1.5GiB", "MiB", "400 MiB"])
def test_what_go_refuses_is_not_believed(text: str) -> None:
    found = go_heap(start(env={"GOMEMLIMIT": text}))
    assert found is not None
    assert (found.hidden, found.doubt) == (True, "whose value does not parse")


def test_its_limit_is_a_share_and_a_config_map_unknown() -> None:
    assert go_heap(start(env={"GOMEMLIMIT": of_limit()})) == HeapSetting(Runtime.GO, "GOMEMLIMIT", share=Share(100.0))
    found = go_heap(start(env={"GOMEMLIMIT": CONFIG_MAP}))
    assert found is not None
    assert found.doubt == "whose value is not in the pod's spec"


@given(st.text(max_size=30))
def test_no_value_makes_it_fail(text: str) -> None:
    found = go_heap(start(env={"GOMEMLIMIT": text}))
    assert found is None or found.where == "GOMEMLIMIT"
