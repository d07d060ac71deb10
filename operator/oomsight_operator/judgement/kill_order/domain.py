"""Whose memory ran out, and with it the scale of oom_score_adj: the kernel's `totalpages`.

Sources: mm/oom_kill.c, constrained_alloc(): node-wide it is RAM + swap; in the OOM of a cgroup what mem_cgroup_get_max() of
mm/memcontrol.c gives: that cgroup's own limit (never an ancestor's) and the swap that it may use, at most all of the node's, and
none where swappiness is 0. v1 limits memory and swap together: the report's `swap_limit_bytes` is what that leaves beyond the
memory limit.
"""

from __future__ import annotations

from typing import Final

from oomsight_api.incident import OomScope
from oomsight_api.report import Cgroup, Memory, NodeMemory
from oomsight_api.report import Container as ContainerRow
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.kill_order.candidates import page_size
from oomsight_operator.judgement.kill_order.model import Domain

COUNTER_PAGES: Final = 32
"""What one processor may not have handed on of a process's counters (lib/percpu_counter.c: 32, or twice the number of processors
where that is more). A report's resident pages are the killer's own count, but where pages are reclaimed before the kill it changes
behind the report: mapped files where the node runs out, and anonymous memory where there is swap, of which no file has the killer's
count. In a cgroup without swap the two were equal to the page in all that was measured (docs/kill-order-proof.md).
"""


def node_domain(node_memory: NodeMemory) -> Domain | None:
    """The whole node; None when its memory or whether it has swap is unknown."""
    total, swap = node_memory.total_bytes, node_memory.swap_total_bytes
    size = page_size(node_memory)
    if total is None or swap is None or total < size:
        return None
    return Domain(OomScope.NODE, None, total // size + swap // size, COUNTER_PAGES)


def container_domain(row: ContainerRow, node_memory: NodeMemory) -> Domain | None:
    """A container at its own limit; None without a limit, or where the scale is unknown."""
    return _domain(OomScope.CONTAINER, row.cgroup, row.memory, node_memory)


def pod_domain(row: PodRow, node_memory: NodeMemory) -> Domain | None:
    """A pod at its own limit: what its containers may swap does not matter to the scale."""
    return _domain(OomScope.POD, row.cgroup, row.memory, node_memory)


def cgroup_domain(row: Cgroup, node_memory: NodeMemory) -> Domain | None:
    """Some other cgroup (kubepods, a QoS class) at its own limit."""
    return _domain(OomScope.CGROUP, row.cgroup, row.memory, node_memory)


def usable_swap_bytes(memory: Memory, node_memory: NodeMemory) -> int | None:
    """What a cgroup at its limit may swap; None when that is unknown.

    v1 has a swappiness for each cgroup, inherited from vm.swappiness when it was made; the node's is taken for both.
    """
    total = node_memory.swap_total_bytes
    if total is None:
        return 0 if memory.swap_limit_bytes == 0 else None
    if memory.swap_limit_bytes is not None:
        total = min(total, memory.swap_limit_bytes)
    if total == 0 or node_memory.swappiness == 0:
        return 0
    return None if node_memory.swappiness is None else total


def why_no_domain(memory: Memory, node_memory: NodeMemory) -> str:
    """A sentence for a cgroup without domain."""
    if memory.limit_bytes is None:
        return "it has no memory limit of its own" if memory.unlimited else "its memory limit could not be read"
    return "how much it may swap is unknown (SwapTotal or vm.swappiness could not be read)"


def why_no_node_domain(node_memory: NodeMemory) -> str:
    """A sentence for a node without domain."""
    missing = [
        name
        for name, value in (("MemTotal", node_memory.total_bytes), ("SwapTotal", node_memory.swap_total_bytes))
        if value is None
    ]
    what = " and ".join(missing) or "a MemTotal that makes sense"
    return f"the agent has told no {what}, without which nobody knows what a point of oom_score_adj weighs"


def decided_otherwise(node_memory: NodeMemory, scope: OomScope) -> str | None:
    """A sentence where the kernel does not go by points in such an OOM; None where it does.

    mm/oom_kill.c, check_panic_on_oom() and out_of_memory(): panic_on_oom 1 is for the node's own memory, 2 for every OOM;
    oom_kill_allocating_task for the node's own alone.
    """
    panic = node_memory.panic_on_oom or 0
    if panic >= 2 or (panic and scope is OomScope.NODE):
        return f"vm.panic_on_oom is {panic}: the kernel kills nobody, the node panics"
    if node_memory.oom_kill_allocating_task and scope is OomScope.NODE:
        return "vm.oom_kill_allocating_task is set: the kernel kills whoever asks for memory then, not whoever has the most points"
    return None


def _domain(scope: OomScope, cgroup: str, memory: Memory, node_memory: NodeMemory) -> Domain | None:
    swap = usable_swap_bytes(memory, node_memory)
    if memory.limit_bytes is None or swap is None:
        return None
    size = page_size(node_memory)
    return Domain(scope, cgroup, max(1, memory.limit_bytes // size + swap // size), COUNTER_PAGES if swap else 0)
