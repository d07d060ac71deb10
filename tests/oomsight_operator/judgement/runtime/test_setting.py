from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.runtime.setting import MOST_BYTES, HeapSetting, Runtime, Share

MI = 1 << 20
JVM = Share(25.0, least_bytes=130_862_280, small_percent=50.0)

shares = st.builds(
    Share,
    st.floats(0, 100),
    st.integers(0, 1 << 30),
    st.none() | st.floats(0, 100),
    st.sampled_from([(), ((1 << 34, 1 << 31), (1 << 61, 1 << 32))]),
    st.integers(0, 1 << 30),
)


def test_a_small_share_counts_where_it_is_less_than_the_least() -> None:
    assert [JVM.of(memory * MI) // MI for memory in (100, 200, 300, 499, 512, 2048)] == [50, 100, 124, 124, 128, 512]


def test_what_makes_it_so_large_is_said() -> None:
    node = Share(50.0, least_bytes=256 * MI, most=((1 << 61, 2048 * MI),))
    assert [JVM.words(memory * MI) for memory in (2048, 300, 100)] == [
        *("25 % of the limit", "125Mi at least", "50 % of so small a limit")
    ]
    assert [node.words(memory * MI) for memory in (1024, 256, 8192)] == ["50 % of the limit", "256Mi at least", "2Gi at most"]
    assert Share(25.0, initial_bytes=400 * MI).words(512 * MI) == "what it starts with"


def test_a_heap_that_starts_with_more_may_have_it() -> None:
    assert Share(25.0, initial_bytes=400 * MI).of(512 * MI) == 400 * MI


def test_a_fixed_heap_has_nothing_to_do_with_the_limit_and_a_hidden_one_is_unknown() -> None:
    fixed, share, hidden = (
        HeapSetting(Runtime.JVM, "-Xmx", fixed_bytes=5),
        HeapSetting(Runtime.JVM, "", share=JVM),
        HeapSetting(Runtime.JVM, ""),
    )
    assert (fixed.heap_bytes(None), share.heap_bytes(None), share.heap_bytes(2048 * MI), hidden.heap_bytes(5)) == (
        5,
        None,
        512 * MI,
        None,
    )
    assert [each.follows_limit for each in (fixed, share, hidden)] == [False, True, False]
    assert [each.hidden for each in (fixed, share, hidden)] == [False, False, True]


@given(shares, st.integers(0, 1 << 50), st.integers(0, 1 << 50))
def test_more_memory_is_never_less_heap(share: Share, one: int, other: int) -> None:
    low, high = sorted((one, other))
    if share.small_percent is None or not share.most:  # no runtime has both
        assert share.of(low) <= share.of(high)


@given(st.floats(1, 100), st.integers(1, 1 << 45))
def test_the_memory_for_a_heap_is_the_least_that_gives_it(percent: float, heap: int) -> None:
    share = Share(percent)
    memory = share.memory_for(heap)
    assert memory is not None
    assert share.of(memory) >= heap > share.of(memory - 1)


def test_no_memory_gives_a_heap_beyond_its_bound() -> None:
    assert Share(50.0, most=((MOST_BYTES, 4 * MI),)).memory_for(5 * MI) is None
