"""Arithmetic over what the kernel charges to a cgroup. Pure; bytes; None is unknown and never becomes a number.

- working set: what the kubelet, metrics-server and `kubectl top` call memory (cadvisor, container/libcontainer/handler.go,
  setMemoryStats): usage less inactive file pages. It still holds active page cache, and misses none of the unreclaimable.
- unreclaimable: what is left when reclaim has done its best: anon + shmem + unreclaimable kernel memory, less what swap could
  take. Page cache is left out whole: mapped, dirty and locked pages are not told apart, so a little more may be held for a moment.
- kernel memory that cannot be reclaimed: v2 `kernel` less slab_reclaimable, plus `sock`, which v2 charges beside `kernel`. v1 has
  no split of kmem: all of it is counted, so that no headroom is promised that may not be there; a container with a large dentry or
  inode cache looks fuller than it is. v1 charges sockets to a counter of their own and not against the limit: not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from oomsight_agent.kernel.memory_stat import NOTHING_KNOWN, MemoryStat
from oomsight_api.report import Memory


@dataclass(frozen=True, slots=True)
class NodeSwap:
    """The node's swap, as far as it bears on a cgroup."""

    free_bytes: int | None = None
    swappiness: int | None = None
    """vm.swappiness, which cgroup v2 obeys; v1 has one of each cgroup."""


class Charges(msgspec.Struct, frozen=True):
    """What the files that are read less often say of one cgroup, the same for v1 and v2."""

    stat: MemoryStat = NOTHING_KNOWN
    limit_bytes: int | None = None
    unlimited: bool | None = None
    high_bytes: int | None = None
    kernel_bytes: int | None = None
    kernel_unreclaimable_bytes: int | None = None
    sock_bytes: int | None = None
    swap_bytes: int | None = None
    swap_limit_bytes: int | None = None
    """None: unbounded, or the kernel does not account swap."""
    swap_unlimited: bool | None = None
    swap_limit_hits: int | None = None
    """v1: times the limit of memory and swap together was reached, which the other limit's count leaves out."""
    swappiness: int | None = None
    """The cgroup's own (v1); None where the node's holds (v2)."""
    oom_group: bool | None = None


def working_set(usage_bytes: int | None, inactive_file_bytes: int | None) -> int | None:
    """Usage less inactive file pages, never below 0; None when either is unknown."""
    if usage_bytes is None or inactive_file_bytes is None:
        return None
    return max(0, usage_bytes - inactive_file_bytes)


def swap_room(swap_bytes: int | None, swap_limit_bytes: int | None, swappiness: int | None, node: NodeSwap) -> int:
    """Bytes that could still be swapped out: the least of what the cgroup may and the node has left.

    Nothing where swappiness is 0 (reclaim under a cgroup's limit then takes file pages alone, mm/vmscan.c get_scan_count),
    and nothing where the node's free swap is unknown: no room is promised that may not be there.
    """
    effective = node.swappiness if swappiness is None else swappiness
    if effective == 0 or not node.free_bytes:
        return 0
    if swap_limit_bytes is None:
        return node.free_bytes
    return max(0, min(node.free_bytes, swap_limit_bytes - (swap_bytes or 0)))


def swap_below(children: Iterable[Charges], node: NodeSwap) -> NodeSwap:
    """The node's swap as it bears on a cgroup whose memory is all charged to `children`: what these may not swap out, it cannot.

    The kubelet sets memory.swap.max of containers and leaves it open for their pod.
    """
    if not node.free_bytes:
        return node
    rooms = sum(swap_room(child.swap_bytes, child.swap_limit_bytes, child.swappiness, node) for child in children)
    return NodeSwap(min(node.free_bytes, rooms), node.swappiness)


def unreclaimable(
    anon_bytes: int | None, shmem_bytes: int | None, kernel_unreclaimable_bytes: int | None, swap_room_bytes: int
) -> int | None:
    """Anon + shmem, less what swap could take, + kernel memory. None when anon or shmem are unknown.

    A kernel that does not account kernel memory does not charge it either: unknown adds nothing.
    """
    if anon_bytes is None or shmem_bytes is None:
        return None
    return max(0, anon_bytes + shmem_bytes - swap_room_bytes) + (kernel_unreclaimable_bytes or 0)


def headroom(limit_bytes: int | None, unreclaimable_bytes: int | None) -> int | None:
    """Limit less unreclaimable; negative while a limit was lowered below what is held. None without a limit."""
    if limit_bytes is None or unreclaimable_bytes is None:
        return None
    return limit_bytes - unreclaimable_bytes


def account(
    usage_bytes: int | None,
    peak_interval_bytes: int | None,
    peak_lifetime_bytes: int | None,
    charges: Charges,
    node: NodeSwap,
) -> Memory:
    """The one model of a cgroup's memory. The limit is the cgroup's own: an ancestor's may be lower and fire first."""
    stat = charges.stat
    room = swap_room(charges.swap_bytes, charges.swap_limit_bytes, charges.swappiness, node)
    held = unreclaimable(stat.anon_bytes, stat.shmem_bytes, charges.kernel_unreclaimable_bytes, room)
    return Memory(
        usage_bytes=usage_bytes,
        limit_bytes=charges.limit_bytes,
        unlimited=charges.unlimited,
        high_bytes=charges.high_bytes,
        peak_interval_bytes=peak_interval_bytes,
        peak_lifetime_bytes=peak_lifetime_bytes,
        anon_bytes=stat.anon_bytes,
        file_bytes=stat.file_bytes,
        active_file_bytes=stat.active_file_bytes,
        inactive_file_bytes=stat.inactive_file_bytes,
        shmem_bytes=stat.shmem_bytes,
        kernel_bytes=charges.kernel_bytes,
        slab_reclaimable_bytes=stat.slab_reclaimable_bytes,
        slab_unreclaimable_bytes=stat.slab_unreclaimable_bytes,
        page_tables_bytes=stat.page_tables_bytes,
        kernel_stack_bytes=stat.kernel_stack_bytes,
        sock_bytes=charges.sock_bytes,
        swap_bytes=charges.swap_bytes,
        swap_limit_bytes=charges.swap_limit_bytes,
        swap_unlimited=charges.swap_unlimited,
        working_set_bytes=working_set(usage_bytes, stat.inactive_file_bytes),
        unreclaimable_bytes=held,
        headroom_bytes=headroom(charges.limit_bytes, held),
    )
