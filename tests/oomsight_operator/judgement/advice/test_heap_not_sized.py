from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.advice.build import context
from tests.oomsight_operator.judgement.build import FIRST_RUN, GI, MI, NOW, memory, spec
from tests.oomsight_operator.judgement.recommend.heaps import DEFAULT, FROM_CONFIG_MAP, NOT_IN_SPEC, percent, xmx

from oomsight_api.incident import OomScope
from oomsight_operator.judgement.advice.heap_not_sized import RULE
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import NodeContext
from oomsight_operator.judgement.runtime.node import DEFAULT as NODE
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share

KILL = Kill(NOW - 60, "app", FIRST_RUN, KillSource.STATUS, limit_bytes=512 * MI, exit_code=137)


def advised(heap: HeapSetting | None, limit: int | None = 512 * MI, **more: Any) -> str | None:
    return RULE.judge(context(spec(limit=limit, heap=heap), memory(300 * MI, limit), **more))


def test_killed_although_the_heap_could_not_fill_the_limit() -> None:
    told = advised(percent(75), kills=(KILL,))
    assert told is not None
    assert told.startswith(
        "container app: it was killed at its limit 512Mi, of which its heap could have 384Mi (75 % of the limit:"
        " -XX:MaxRAMPercentage in JAVA_TOOL_OPTIONS): 128Mi or more were outside of the heap (metaspace, code,"
    )
    assert told.endswith("Raise the limit and set -Xmx to what the heap has now: otherwise the heap takes its share of the rise")
    fixed = advised(xmx(300), kills=(KILL,))
    assert fixed is not None
    assert "212Mi or more were outside" in fixed
    assert "let it need less there" in fixed


def test_the_limit_of_the_kill_counts_and_only_a_recent_kill_by_a_limit() -> None:
    told = advised(percent(75), limit=GI, kills=(KILL,))
    assert told is not None
    assert "killed at its limit 512Mi, of which its heap could have 384Mi" in told
    assert advised(percent(75), kills=(replace(KILL, time_seconds=NOW - 90_000),)) is None
    assert advised(percent(75), kills=(replace(KILL, scope=OomScope.NODE),)) is None
    assert advised(percent(75), kills=(replace(KILL, limit_bytes=None),)) is None


def test_a_heap_that_may_grow_beyond_the_limit_even_if_it_never_did() -> None:
    told = advised(xmx(1024), peak_unreclaimable_bytes=300 * MI)
    assert told is not None
    assert "may grow to 1Gi (-Xmx in JAVA_TOOL_OPTIONS), 200 % of its limit 512Mi (it held 300Mi at most until now)" in told
    assert "Set -Xmx lower, or the limit higher" in told
    killed = advised(xmx(1024), peak_unreclaimable_bytes=300 * MI, kills=(KILL,))
    assert killed is not None
    assert "200 % of its limit 512Mi (it held 512Mi when it was killed)" in killed
    assert advised(xmx(460)) is None
    assert advised(xmx(461)) is not None
    assert advised(percent(90)) is not None
    assert advised(percent(75)) is None


def test_a_default_that_is_all_of_a_small_limit() -> None:
    told = advised(HeapSetting(Runtime.NODE, "Node.js's default", share=NODE, explicit=False), 256 * MI)
    assert told is not None
    assert "its heap may grow to 256Mi (256Mi at least: Node.js's default), 100 % of its limit 256Mi" in told


def test_go_leaves_less_beside_its_bound() -> None:
    assert advised(HeapSetting(Runtime.GO, "GOMEMLIMIT", share=Share(94.0))) is None
    told = advised(HeapSetting(Runtime.GO, "GOMEMLIMIT", share=Share(100.0)))
    assert told is not None
    assert "leave 5 to 10 % beside it" in told


def test_a_share_of_the_node_is_held_against_the_limit() -> None:
    node = NodeContext("n", context(spec()).subject.node.memory)
    told = advised(percent(25, of_node=True), node=node)  # 16Gi
    assert told is not None
    assert "its heap may grow to 4Gi" in told
    assert advised(percent(25, of_node=True), node=NodeContext("n")) is None


def test_a_heap_left_at_its_default_leaves_the_limit_unused() -> None:
    seen: dict[str, Any] = {"peak_unreclaimable_bytes": 1200 * MI, "watched_seconds": 7200.0}
    told = advised(DEFAULT, 4 * GI, **seen)
    assert told is not None
    assert (
        "its heap may have 1Gi of its limit 4Gi (25 % of the limit: the JVM's default), and in the 2 h watched it held 1.17Gi"
        in told
    )
    assert advised(percent(25), 4 * GI, **seen) is None  # somebody set it
    assert advised(DEFAULT, 4 * GI, **{**seen, "watched_seconds": 60.0}) is None
    assert advised(DEFAULT, 4 * GI, **{**seen, "peak_unreclaimable_bytes": 900 * MI}) is None
    assert advised(DEFAULT, 4 * GI, **{**seen, "peak_unreclaimable_bytes": 3 * GI}) is None


def test_a_pods_limit_counts_where_the_container_has_none() -> None:
    assert advised(xmx(1024), None, pod_limit_bytes=GI) is not None


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert [advised(heap, kills=(KILL,)) for heap in (None, FROM_CONFIG_MAP, NOT_IN_SPEC)] == [None] * 3
    assert advised(xmx(1024), None) is None


sizes = st.none() | st.integers(-(2**63), 2**63)


@given(
    st.sampled_from(Runtime),
    st.none() | st.integers(0, 1 << 60),
    st.none() | st.floats(0, 100),
    st.booleans(),
    sizes,
    sizes,
    sizes,
)
def test_no_value_crashes_it_and_its_sentence_can_be_shown(
    runtime: Runtime,
    fixed: int | None,
    share: float | None,
    of_node: bool,
    limit: int | None,
    peak: int | None,
    killing: int | None,
) -> None:
    heap = HeapSetting(
        runtime,
        "-XX:MaxRAMPercentage in JAVA_TOOL_OPTIONS",
        fixed_bytes=fixed,
        share=Share(share) if share is not None else None,
        of_node=of_node,
        doubt="if its start script passes JAVA_OPTS_APPEND on",
        beside=(("-XX:MaxMetaspaceSize", MI), ("-XX:MaxDirectMemorySize", MI), ("-XX:ReservedCodeCacheSize", MI)),
    )
    told = advised(heap, limit, peak_unreclaimable_bytes=peak, kills=(replace(KILL, limit_bytes=killing),), watched_seconds=1e6)
    assert told is None or (told.isascii() and told.isprintable() and len(told) <= 600)
