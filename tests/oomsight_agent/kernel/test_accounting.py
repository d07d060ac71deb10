import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.accounting import Charges, NodeSwap, account, headroom, swap_room, unreclaimable, working_set
from oomsight_agent.kernel.memory_stat import MemoryStat
from oomsight_api.report import Memory

MI = 1024 * 1024
NO_SWAP = NodeSwap(free_bytes=0, swappiness=60)
SWAP = NodeSwap(free_bytes=512 * MI, swappiness=60)
BYTES = st.integers(0, 2**62)


def test_the_working_set_is_what_kubectl_top_shows() -> None:
    assert working_set(100 * MI, 30 * MI) == 70 * MI
    assert working_set(10 * MI, 30 * MI) == 0  # usage and memory.stat are read at different moments
    assert working_set(None, 1) is None
    assert working_set(1, None) is None


def test_without_swap_anon_shmem_and_kernel_cannot_be_freed() -> None:
    assert unreclaimable(100, 20, 3, 0) == 123


def test_swap_takes_anon_and_shmem_but_never_kernel_memory() -> None:
    assert unreclaimable(100, 20, 3, 50) == 73
    assert unreclaimable(100, 20, 3, 10_000) == 3


def test_unreclaimable_is_unknown_when_a_part_that_counts_is_unknown() -> None:
    assert unreclaimable(None, 20, 3, 0) is None
    assert unreclaimable(100, None, 3, 0) is None
    assert unreclaimable(100, 20, None, 0) == 120  # a kernel without kernel accounting charges none


@pytest.mark.parametrize(
    ("swap", "limit", "swappiness", "node", "room"),
    [
        (0, None, None, SWAP, 512 * MI),
        (0, 64 * MI, None, SWAP, 64 * MI),
        (60 * MI, 64 * MI, None, SWAP, 4 * MI),
        (70 * MI, 64 * MI, None, SWAP, 0),
        (0, 0, None, SWAP, 0),
        (0, None, 0, SWAP, 0),
        (0, None, 60, NodeSwap(512 * MI, 0), 512 * MI),
        (0, None, None, NodeSwap(512 * MI, 0), 0),
        (0, None, None, NO_SWAP, 0),
        (0, None, None, NodeSwap(None, 60), 0),
        (None, 64 * MI, None, SWAP, 64 * MI),
    ],
    ids=[
        "unbounded: what the node has", "its limit", "what is left of its limit", "over a lowered limit", "forbidden",
        "v1 swappiness 0", "v1 swappiness beats the node's", "node swappiness 0", "node without swap", "node unknown",
        "swap not accounted",
    ],
)  # fmt: skip
def test_room_for_swapping(swap: int | None, limit: int | None, swappiness: int | None, node: NodeSwap, room: int) -> None:
    assert swap_room(swap, limit, swappiness, node) == room


def test_headroom_needs_a_limit_and_may_be_negative() -> None:
    assert headroom(64, 50) == 14
    assert headroom(64, 70) == -6
    assert headroom(None, 50) is None
    assert headroom(64, None) is None


def test_a_container_full_of_page_cache_has_nearly_all_its_limit_as_headroom() -> None:
    stat = MemoryStat(anon_bytes=4 * MI, file_bytes=59 * MI, shmem_bytes=0, inactive_file_bytes=50 * MI, active_file_bytes=9 * MI)
    charges = Charges(stat=stat, limit_bytes=64 * MI, unlimited=False, kernel_bytes=MI, kernel_unreclaimable_bytes=MI)
    memory = account(64 * MI, 64 * MI, 64 * MI, charges, NO_SWAP)
    assert memory.headroom_bytes == 59 * MI
    assert memory.working_set_bytes == 14 * MI


def test_tmpfs_counts_as_held_although_it_is_counted_as_file() -> None:
    stat = MemoryStat(anon_bytes=2 * MI, file_bytes=40 * MI, shmem_bytes=40 * MI, inactive_file_bytes=0, active_file_bytes=0)
    memory = account(43 * MI, None, None, Charges(stat=stat, limit_bytes=48 * MI, unlimited=False), NO_SWAP)
    assert memory.unreclaimable_bytes == 42 * MI
    assert memory.headroom_bytes == 6 * MI


def test_nothing_known_is_an_empty_row_and_not_a_row_of_zeros() -> None:
    assert account(None, None, None, Charges(), NodeSwap()) == Memory()


@given(anon=BYTES, shmem=BYTES, kernel=BYTES, free=BYTES, limit=st.none() | BYTES, swap=BYTES)
def test_swap_never_frees_more_than_there_is_and_never_adds(
    anon: int, shmem: int, kernel: int, free: int, limit: int | None, swap: int
) -> None:
    room = swap_room(swap, limit, 60, NodeSwap(free, 60))
    held = unreclaimable(anon, shmem, kernel, room)
    assert held is not None
    assert kernel <= held <= anon + shmem + kernel
    assert anon + shmem + kernel - held <= free
