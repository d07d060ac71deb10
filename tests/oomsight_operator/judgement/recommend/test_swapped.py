"""A container that is partly swapped out: its limit is not lowered below what it holds in memory and swap together."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI, NOW, row
from tests.oomsight_operator.judgement.recommend.cached import Followed
from tests.oomsight_operator.judgement.recommend.scenes import context, seen, spec

from oomsight_agent.kernel.accounting import Charges, NodeSwap, account
from oomsight_agent.kernel.memory_stat import MemoryStat
from oomsight_agent.kernel.memory_v2 import kernel_unreclaimable
from oomsight_api.report import Container
from oomsight_operator.judgement.recommend.merging import merged
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.state import NOTHING, on_swap
from oomsight_operator.judgement.recommend.swapped import Swapped, counted, most_of, swapped_in

HOUR = int(NOW) // 3600


def cold(limit: int, *, swap: int = 200 * MI) -> Container:
    """160Mi in memory, of which swap could take all but 20Mi of the kernel's, and more that is swapped out."""
    stat = MemoryStat(anon_bytes=140 * MI, shmem_bytes=0, inactive_file_bytes=0, kernel_bytes=20 * MI, swap_bytes=swap)
    charges = Charges(
        stat,
        limit_bytes=limit,
        kernel_bytes=20 * MI,
        kernel_unreclaimable_bytes=20 * MI,
        swap_bytes=swap,
        swap_unlimited=True,
    )
    return row(uses=account(160 * MI, None, None, charges, NodeSwap(8 * GI, 60)))


@pytest.mark.parametrize("page_cache", ["Exclude", "Working"])
def test_a_limit_is_not_lowered_below_what_is_in_memory_and_swap_together(page_cache: str) -> None:
    one = Followed(limit=512 * MI, policy={"mode": "Always", "pageCache": page_cache}).live(3, cold)

    assert one.limits == [512, 360]
    would_do = "22Mi" if page_cache == "Exclude" else "160Mi"
    assert one.recommendation.limit_steps[-1].why == (
        f"by what was seen {would_do} would do, but it held 360Mi in memory and swap together, 200Mi"
        " of it swapped out: that comes back when it is touched, and a limit which holds only while there is swap is not proven"
    )


def test_a_limit_that_holds_with_swap_is_neither_lowered_nor_raised_for_what_lies_there() -> None:
    one = Followed(limit=256 * MI, policy={"mode": "Always", "pageCache": "Working"}).live(3, cold)

    assert one.limits == [256]


def test_where_there_is_swap_the_working_set_is_not_called_page_cache() -> None:
    one = Followed(limit=512 * MI, policy={"mode": "Always", "pageCache": "Working"}).live(3, cold)

    assert one.cache_words.startswith("room for page cache, and for what is not swapped out: highest working set 160Mi")


def test_a_first_limit_holds_what_is_swapped_out_too() -> None:
    state = on_swap(seen(20 * MI, 48), Swapped(HOUR, 360 * MI, 200 * MI))
    found = recommend(state, context(limit=None), spec(mode="Always"))[1]

    assert found is not None
    assert found.limit_bytes == 360 * MI


def test_a_little_more_than_was_known_is_held_as_well() -> None:
    one = Followed(limit=512 * MI, policy={"mode": "Always", "pageCache": "Working"}, follows=False).live(3, cold)
    one.live(1, partial(cold, swap=216 * MI))

    assert one.limits[-1] == 376


def test_what_was_swapped_out_counts_for_14_days_and_outlives_a_restart() -> None:
    one = Followed(limit=512 * MI, policy={"mode": "Always", "pageCache": "Working"}, follows=False).live(3, cold)
    one.restarted().live(10, partial(cold, swap=0))
    assert one.limits[-1] == 360

    one.live(5, partial(cold, swap=0))
    assert one.limits[-1] < 200


def test_of_two_memories_the_larger_counts_unless_it_is_too_old() -> None:
    old, young = Swapped(HOUR - 24 * 15, 3 * GI, GI), Swapped(HOUR, 2 * GI, GI)
    small = on_swap(NOTHING, Swapped(HOUR - 5, GI, MI))

    assert merged(on_swap(NOTHING, old), on_swap(NOTHING, young)).swapped == young
    assert merged(on_swap(NOTHING, young), small).swapped == merged(small, on_swap(NOTHING, young)).swapped == young


STATS = st.builds(
    MemoryStat,
    **dict.fromkeys(
        ("anon_bytes", "shmem_bytes", "kernel_bytes", "slab_reclaimable_bytes", "slab_unreclaimable_bytes", "sock_bytes"),
        st.none() | st.integers(0, GI),
    ),
)


@given(STATS, st.integers(0, 2 * GI))
def test_a_container_that_cannot_swap_holds_nothing_there_and_one_that_can_never_less_than_is_unreclaimable(
    stat: MemoryStat, free: int
) -> None:
    charges = Charges(stat, kernel_bytes=stat.kernel_bytes, kernel_unreclaimable_bytes=kernel_unreclaimable(stat), swap_bytes=0)
    unable, able = (account(None, None, None, charges, NodeSwap(each, 60)) for each in (0, free))

    assert swapped_in(unable, HOUR) is None
    found = swapped_in(able, HOUR)
    if found is not None:
        assert able.unreclaimable_bytes is not None
        assert able.unreclaimable_bytes < found.held_bytes


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(1, GI)), min_size=1, max_size=30).map(sorted))
def test_whatever_comes_the_largest_of_14_days_counts(told: list[tuple[int, int]]) -> None:
    known: Swapped | None = None
    for hour, held in told:
        known = most_of(known, Swapped(hour, held, 0))

    assert known is not None
    latest = told[-1][0]
    assert known.held_bytes >= told[-1][1]
    assert counted(known, latest) is known
    assert known.held_bytes in [held for _, held in told]
