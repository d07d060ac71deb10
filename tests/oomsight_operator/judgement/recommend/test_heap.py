"""What a heap that flags set makes of the recommended number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.recommend.heaps import DEFAULT, FROM_CONFIG_MAP, NOT_IN_SPEC, percent, xmx
from tests.oomsight_operator.judgement.recommend.scenes import asked, context, killed, limit_of, seen, story, why

from oomsight_operator.judgement.recommend.heap import Heap, least_bytes, not_lowered, with_room
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share

TWO_WEEKS = 24.0 * 15


def test_a_full_heap_gets_room_for_all_of_it_and_for_what_is_beside() -> None:
    now = context(limit=512 * MI, heap=xmx(512))
    found = asked(seen(500 * MI, TWO_WEEKS), now, mode="Always")
    assert limit_of(seen(500 * MI, TWO_WEEKS), now, mode="Always") == 640 * MI
    assert "its heap may grow to 512Mi (-Xmx in JAVA_TOOL_OPTIONS), and needs 125Mi beside it (assumed: a quarter" in why(found)


def test_much_that_was_held_above_the_heap_is_measured_and_nothing_is_assumed() -> None:
    now = context(limit=GI, heap=xmx(512))
    assert limit_of(seen(600 * MI, TWO_WEEKS), now, mode="Always") == 648 * MI
    assert "HeapRoom" not in story(asked(seen(600 * MI, TWO_WEEKS), now, mode="Always"))


def test_more_that_was_held_never_asks_for_less() -> None:
    """Above the heap's size a little was held outside at least, and nobody knows how full the heap was."""
    now = context(limit=None, heap=xmx(512))
    limits = [limit_of(seen(held * MI, 26), now, mode="Always") for held in range(480, 800, 4)]

    assert limits == sorted(limits)
    assert limit_of(seen(516 * MI, TWO_WEEKS), context(limit=560 * MI, heap=xmx(512)), mode="Always") == 640 * MI
    found = asked(seen(516 * MI, TWO_WEEKS), context(limit=560 * MI, heap=xmx(512)), mode="Always")
    assert "needs 128Mi beside it (assumed: a quarter of a full heap; it held 516Mi in all)" in why(found)


def test_a_limit_in_force_that_is_enough_by_measure_but_not_for_the_heap_is_raised() -> None:
    assert limit_of(seen(500 * MI, TWO_WEEKS), context(limit=600 * MI, heap=xmx(512)), mode="Always") == 640 * MI
    assert limit_of(seen(500 * MI, TWO_WEEKS), context(limit=600 * MI), mode="Always") == 600 * MI


def test_nothing_is_raised_for_a_heap_that_nobody_saw_and_both_numbers_are_told() -> None:
    now = context(limit=512 * MI, heap=xmx(2048))
    found = asked(seen(500 * MI, TWO_WEEKS), now, mode="Always")
    assert found is not None
    assert found.limit_bytes == 544 * MI
    assert "its heap may grow to 2Gi (-Xmx in JAVA_TOOL_OPTIONS), which this limit does not hold" in why(found)
    assert "set -Xmx419m at most, or set the limit to 2176Mi" in why(found)


def test_no_limit_is_lowered_below_what_the_heap_may_grow_to() -> None:
    found = asked(seen(600 * MI, TWO_WEEKS), context(limit=3 * GI, heap=xmx(2048)), mode="Always")
    assert found is not None
    assert found.limit_bytes == 2208 * MI
    assert "by what was seen 648Mi would do, but its heap may grow to 2Gi" in why(found)
    assert "with -Xmx498m or less 648Mi will do" in why(found)
    told = asked(seen(600 * MI, TWO_WEEKS), context(limit=648 * MI, heap=xmx(498)), mode="Always")
    assert told is not None
    assert told.limit_bytes == 648 * MI


def test_a_limit_below_the_heap_is_not_lowered_further() -> None:
    assert limit_of(seen(600 * MI, TWO_WEEKS), context(limit=GI, heap=xmx(2048)), mode="Always") == GI


def test_where_there_was_no_limit_none_is_set_below_the_heap() -> None:
    assert limit_of(seen(600 * MI, TWO_WEEKS), context(limit=None, heap=xmx(2048)), mode="Always") == 2208 * MI


def test_a_heap_that_follows_the_limit_keeps_the_size_that_it_can_have_had() -> None:
    state = seen(1200 * MI, TWO_WEEKS)
    found = asked(state, context(limit=4 * GI, heap=DEFAULT), mode="Always")
    assert found is not None
    assert found.limit_bytes == 4 * GI
    assert "by what was seen 1.27Gi would do, but then its heap could have 324Mi alone" in why(found)
    assert "up to 1Gi of what it held may be heap" in why(found)
    assert limit_of(state, context(limit=4 * GI), mode="Always") == 1296 * MI


def test_it_is_lowered_as_far_as_all_that_was_held_fits_into_the_heap() -> None:
    assert limit_of(seen(600 * MI, TWO_WEEKS), context(limit=4 * GI, heap=percent(75)), mode="Always") == 800 * MI


def test_without_a_limit_the_share_of_the_node_becomes_one_of_the_limit() -> None:
    now = context(limit=None, heap=DEFAULT, node_memory_bytes=16 * GI)
    found = asked(seen(600 * MI, TWO_WEEKS), now, mode="Always")
    assert found is not None
    assert found.limit_bytes == 2400 * MI
    assert "its heap may have 4Gi now, 600Mi then" in why(found)


def test_a_heap_of_the_node_is_fixed_for_the_limit() -> None:
    now = context(limit=3 * GI, heap=percent(25, of_node=True), node_memory_bytes=8 * GI)
    found = asked(seen(600 * MI, TWO_WEEKS), now, mode="Always")
    assert found is not None
    assert found.limit_bytes == 2208 * MI
    assert "of the node's memory as -XX:-UseContainerSupport asks" in why(found)


def test_a_heap_whose_size_is_hidden_keeps_the_limit() -> None:
    found = asked(seen(600 * MI, TWO_WEEKS), context(limit=4 * GI, heap=FROM_CONFIG_MAP), mode="Always")
    assert found is not None
    assert found.limit_bytes == 4 * GI
    assert "not lowered: what its heap may grow to is not known (-Xmx in JAVA_TOOL_OPTIONS, whose value" in why(found)


def test_a_runtime_whose_heap_nobody_set_in_the_spec_is_told_and_no_more() -> None:
    found = asked(seen(600 * MI, TWO_WEEKS), context(limit=4 * GI, heap=NOT_IN_SPEC), mode="Always")
    assert found is not None
    assert found.limit_bytes == 648 * MI
    assert "its runtime is the JVM, and how large its heap may get is not in the pod's spec" in why(found)


def test_go_asks_for_a_tenth_beside_its_bound() -> None:
    heap = HeapSetting(Runtime.GO, "GOMEMLIMIT", fixed_bytes=400 * MI)
    found = asked(seen(380 * MI, TWO_WEEKS), context(limit=400 * MI, heap=heap), mode="Always")
    assert found is not None
    assert found.limit_bytes == 440 * MI
    assert "40Mi beside it (a tenth, as Go's guide has it)" in why(found)


def test_a_small_go_program_overshoots_by_more_than_a_tenth() -> None:
    heap = Heap(HeapSetting(Runtime.GO, "GOMEMLIMIT", fixed_bytes=32 * MI))
    assert heap.needed_bytes == 44 * MI
    assert heap.outside_words == "12Mi beside it (a tenth, as Go's guide has it, 12Mi at least)"


def test_a_kill_is_held_memory_too() -> None:
    now = context(killed(512 * MI), limit=512 * MI, heap=xmx(600))
    assert limit_of(seen(300 * MI, TWO_WEEKS), now) == 728 * MI  # 600Mi and a quarter of the 512Mi that it held when killed


def test_after_a_kill_the_limit_holds_the_heap_that_was_growing_there() -> None:
    now = context(killed(768 * MI), limit=768 * MI, heap=xmx(1024))
    found = asked(seen(500 * MI, TWO_WEEKS), now)
    assert found is not None
    assert found.limit_bytes == 1216 * MI
    assert "its heap may grow to 1Gi (-Xmx in JAVA_TOOL_OPTIONS), and needs 192Mi beside it" in why(found)
    assert "it was killed on the way there" in why(found)


def test_a_heap_of_more_than_twice_the_limit_that_killed_is_what_is_to_be_set_first() -> None:
    now = context(killed(512 * MI), limit=512 * MI, heap=xmx(4096))
    found = asked(seen(300 * MI, TWO_WEEKS), now)
    assert found is not None
    assert found.limit_bytes == 640 * MI
    assert story(found)[-1] == "HeapOutgrows"
    assert "its heap may grow to 4Gi (-Xmx in JAVA_TOOL_OPTIONS), which this limit does not hold: set -Xmx512m at most" in why(
        found
    )
    assert why(found).count("which this limit does not hold") == 1


def test_the_bounds_of_the_policy_still_count() -> None:
    now = context(limit=512 * MI, heap=xmx(512))
    assert limit_of(seen(500 * MI, TWO_WEEKS), now, mode="Always", maxLimit="560Mi") == 560 * MI


sizes = st.integers(0, 1 << 45)
heaps = st.builds(
    Heap,
    st.one_of(
        st.builds(HeapSetting, st.sampled_from(Runtime), st.just("-Xmx"), fixed_bytes=sizes),
        st.builds(HeapSetting, st.sampled_from(Runtime), st.just("x"), share=st.builds(Share, st.floats(0, 100), sizes)),
        st.just(FROM_CONFIG_MAP),
    ),
    st.none() | sizes,
    sizes,
    st.none() | sizes,
)


@given(heaps, sizes, st.none() | sizes, sizes)
def test_a_heap_raises_to_what_it_needs_and_keeps_a_limit_between_the_two(
    heap: Heap, amount: int, current: int | None, measured: int
) -> None:
    raised, _ = with_room(amount, heap, measured)
    assert raised == max(amount, least_bytes(heap, measured))
    kept, sentence = not_lowered(amount, current, heap)
    assert kept >= amount
    assert current is None or kept <= max(amount, current)
    assert (kept == amount) or sentence
