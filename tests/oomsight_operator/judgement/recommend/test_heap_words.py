"""What is said of a heap beside a recommended limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.recommend.heaps import DEFAULT, percent, xmx
from tests.oomsight_operator.judgement.recommend.scenes import asked, context, killed, seen, spec, why
from tests.oomsight_operator.judgement.recommend.test_heap import TWO_WEEKS, heaps, sizes

from oomsight_operator.judgement.recommend.heap import Heap
from oomsight_operator.judgement.recommend.heap_words import told, unknown
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.state import OomKill, on_oom
from oomsight_operator.judgement.runtime.dotnet import DEFAULT as DOTNET
from oomsight_operator.judgement.runtime.node import DEFAULT as NODE
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share


def after_kill(heap: HeapSetting, limit: int = 512 * MI) -> str:
    return why(asked(seen(400 * MI, TWO_WEEKS), context(killed(limit), limit=limit, heap=heap)))


def test_after_a_kill_beside_a_fixed_heap_the_rest_is_counted() -> None:
    found = after_kill(xmx(400, beside=(("-XX:MaxDirectMemorySize", 64 * MI),)))
    assert (
        "a higher limit is no larger heap, which ends at 400Mi (-Xmx in JAVA_TOOL_OPTIONS): when killed at 512Mi it held 112Mi or"
        " more outside (metaspace, code, threads, direct and native memory; set are -XX:MaxDirectMemorySize 64Mi)"
    ) in found


def test_after_a_kill_beside_a_share_the_flag_that_keeps_it() -> None:
    found = after_kill(percent(75))
    assert "when killed at 512Mi its heap could have 384Mi (75 % of the limit: -XX:MaxRAMPercentage in JAVA_TOOL_OPTIONS)" in found
    assert "so 128Mi or more were outside" in found
    assert "-Xmx384m leaves all of the rise to that" in found


@pytest.mark.parametrize(
    ("setting", "flag"),
    [
        (HeapSetting(Runtime.NODE, "Node.js's default", share=NODE, explicit=False), "--max-old-space-size=256 leaves"),
        (HeapSetting(Runtime.DOTNET, ".NET's default", share=DOTNET, explicit=False), "DOTNET_GCHeapHardLimit=0x18000000 leaves"),
        (HeapSetting(Runtime.GO, "GOMEMLIMIT", share=Share(75.0)), "GOMEMLIMIT=384MiB leaves"),
    ],
)
def test_each_runtime_has_its_own_flag(setting: HeapSetting, flag: str) -> None:
    assert flag in after_kill(setting)


def test_a_heap_that_may_take_all_is_called_so() -> None:
    found = after_kill(HeapSetting(Runtime.GO, "GOMEMLIMIT", share=Share(100.0)), 400 * MI)
    assert "its heap may take all of the limit (100 % of the limit: GOMEMLIMIT), which leaves nothing for" in found


def test_a_share_tells_what_the_heap_becomes_and_nothing_where_the_limit_stays() -> None:
    now = context(limit=512 * MI, heap=DEFAULT)
    assert "its heap may have 128Mi now, 136Mi then (25 % of the limit: the JVM's default)" in why(
        asked(seen(500 * MI, TWO_WEEKS), now, mode="Always")
    )
    assert told(512 * MI, 512 * MI, Heap(DEFAULT, 512 * MI, 500 * MI)) == ""
    assert told(280 * MI, 368 * MI, Heap(DEFAULT, 368 * MI, 200 * MI)) == ""  # 124.8Mi now as then


def test_a_kill_of_another_replica_tells_nothing_of_this_heap() -> None:
    state = on_oom(seen(400 * MI, TWO_WEEKS), [OomKill(512 * MI, NOW - 60)])
    found = why(recommend(state, context(limit=512 * MI, heap=percent(75)), spec())[1])
    assert "killed at limit 512Mi" in found
    assert "when killed" not in found
    assert "its heap may have 384Mi now, 480Mi then" in found


def test_what_is_in_doubt_is_said_with_it() -> None:
    found = after_kill(xmx(1024, doubt="if its start script passes JAVA_OPTS on"))
    assert (
        "its heap may grow to 1Gi (-Xmx in JAVA_TOOL_OPTIONS, if its start script passes JAVA_OPTS on), which this limit" in found
    )


def test_without_a_heap_nothing_is_said() -> None:
    assert told(GI, 512 * MI, None) == ""


@given(heaps, sizes, st.none() | sizes)
def test_every_sentence_is_printable_and_fits_its_place(heap: Heap, amount: int, current: int | None) -> None:
    sentence = told(amount, current, heap) + unknown(amount, current, heap)
    assert sentence == "" or (sentence.isascii() and sentence.isprintable())
    assert len(sentence) <= 300
