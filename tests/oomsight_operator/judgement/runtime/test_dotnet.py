from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.runtime.starts import CONFIG_MAP, GI, MI, of_limit, start

from oomsight_operator.judgement.runtime.dotnet import dotnet_heap
from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.setting import HeapSetting


def heap(found: Start) -> HeapSetting:
    setting = dotnet_heap(found)
    assert setting is not None
    return setting


@pytest.mark.parametrize(("text", "size"), [("C800000", 200 * MI), ("0xC800000", 200 * MI), ("536870912", 0x536870912)])
def test_numbers_are_hexadecimal(text: str, size: int) -> None:
    found = heap(start(env={"DOTNET_GCHeapHardLimit": text}))
    assert (found.fixed_bytes, found.where) == (size, "DOTNET_GCHeapHardLimit, read as hexadecimal")


def test_the_limit_in_decimal_digits_is_read_as_hexadecimal_too() -> None:
    assert heap(start(env={"DOTNET_GCHeapHardLimit": of_limit()})).fixed_bytes == 0x536870912


def test_the_size_beats_the_percentage_and_dotnet_beats_complus() -> None:
    env = {"COMPlus_GCHeapHardLimit": "100", "DOTNET_GCHeapHardLimit": "200", "DOTNET_GCHeapHardLimitPercent": "32"}
    assert heap(start(env=env)).fixed_bytes == 0x200
    assert heap(start(env={"DOTNET_GCHeapHardLimitPercent": "32", "DOTNET_GCHeapHardLimit": "0"})).heap_bytes(GI) == GI // 2


def test_what_makes_no_sense_or_comes_from_elsewhere_is_unknown() -> None:
    assert heap(start(env={"DOTNET_GCHeapHardLimitPercent": "75"})).doubt == "whose value does not parse"  # 117 %
    assert heap(start(env={"DOTNET_GCHeapHardLimit": "much"})).hidden
    assert heap(start(env={"DOTNET_GCHeapHardLimit": CONFIG_MAP})).doubt == "whose value is not in the pod's spec"
    assert heap(start(env={"DOTNET_GCHeapHardLimitSOH": "100"})).hidden


def test_what_the_collector_does_not_heed_is_not_believed() -> None:
    parts = heap(start(env={"DOTNET_GCHeapHardLimitSOH": "C800000", "DOTNET_GCHeapHardLimit": "C800000"}))
    assert (parts.hidden, parts.where) == (True, "DOTNET_GCHeapHardLimitSOH")
    assert heap(start(env={"DOTNET_GCHeapHardLimitPercent": "64"})).hidden  # 100 %
    assert heap(start(env={"DOTNET_GCHeapHardLimitPercent": "63"})).heap_bytes(100 * MI) == 99 * MI


def test_without_it_three_quarters_of_the_limit_unless_its_own_file_says_otherwise() -> None:
    found = heap(start(["dotnet", "app.dll"]))
    assert (found.heap_bytes(GI), found.heap_bytes(10 * MI), found.explicit) == (768 * MI, 20 * MI, False)
    assert "runtimeconfig.json" in found.doubt
    assert heap(start(env={"DOTNET_gcServer": "1"})).heap_bytes(GI) == 768 * MI
    assert heap(start(["dotnet", "app.dll"], from_elsewhere=True)).hidden
    assert dotnet_heap(start(["app"], env={"DOTNET_RUNNING_IN_CONTAINER": "true"})) is None


@given(st.text(max_size=40))
def test_no_value_makes_it_fail(text: str) -> None:
    found = heap(start(["dotnet"], env={"DOTNET_GCHeapHardLimit": text, "DOTNET_GCHeapHardLimitPercent": text}))
    assert found.fixed_bytes is None or found.fixed_bytes > 0
