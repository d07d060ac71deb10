"""SwapThrashing: pages go out to swap and come back at once, so the node works for nothing.

Source: /proc/vmstat pswpin and pswpout, as rates over the agent's last ten seconds or more. How full swap is says nothing: what
nobody has touched for days lies there well. Out alone is the kernel clearing up, in alone is a process waking; both at once is a
working set that does not fit. Threshold: 200 pages/s each way, as a policy's `swapThrashing.lowPagesPerSecond`.
"""

from __future__ import annotations

from oomsight_api.quantity import human_bytes
from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.finite import finite
from oomsight_operator.judgement.node_health.condition import ConditionType, NodeCondition, Reason, Status, unknown
from oomsight_operator.judgement.node_health.facts import DEFAULTS, NodeFacts

_TYPE = ConditionType.SWAP_THRASHING


def swap(facts: NodeFacts) -> NodeCondition:
    """Traffic, not fullness."""
    memory = facts.memory
    if memory.swap_total_bytes is None:
        return unknown(_TYPE, "whether the node has swap")
    if memory.swap_total_bytes == 0:
        return NodeCondition(_TYPE, Status.FALSE, Reason.NO_SWAP, "the node has no swap: what is anonymous stays in memory")
    coming, going = finite(memory.swap_in_pages_per_second), finite(memory.swap_out_pages_per_second)
    if coming is None or going is None:
        return unknown(_TYPE, "the rates of pswpin and pswpout yet")
    reason, meaning = _traffic(coming, going, memory)
    status = Status.TRUE if reason is Reason.SWAP_IN_AND_OUT else Status.FALSE
    numbers = f"{going:.0f} pages/s out to swap, {coming:.0f} pages/s back in{_fill(memory)}{_swappiness(memory)}"
    return NodeCondition(_TYPE, status, reason, f"{numbers}: {meaning}")


def _traffic(coming: float, going: float, memory: NodeMemory) -> tuple[Reason, str]:
    """What these rates (pages per second) mean."""
    least = DEFAULTS.swap_thrashing.low_pages_per_second
    if coming >= least and going >= least:
        return Reason.SWAP_IN_AND_OUT, (
            f"what is swapped out is needed again at once (from {least} pages/s both ways on); the working set does not fit, so"
            " lower what runs here or add memory; raising limits makes it worse"
        )
    if going >= least:
        return Reason.SWAPPING_OUT, "memory that was not used lately makes room; it becomes thrash only if it comes back"
    if coming >= least:
        return Reason.SWAPPING_IN, "something wakes that was idle"
    if memory.swap_free_bytes is not None and memory.swap_total_bytes and memory.swap_free_bytes < memory.swap_total_bytes:
        return Reason.SWAP_USED_WITHOUT_TRAFFIC, "swap that is used without traffic is healthy: nobody needs what lies there"
    return Reason.NO_SWAP_TRAFFIC, "no traffic to speak of"


def _fill(memory: NodeMemory) -> str:
    if memory.swap_total_bytes is None or memory.swap_free_bytes is None:
        return ""
    used = max(0, memory.swap_total_bytes - memory.swap_free_bytes)
    return f", {human_bytes(used)} of {human_bytes(memory.swap_total_bytes)} swap used"


def _swappiness(memory: NodeMemory) -> str:
    if memory.swappiness is None:
        return ""
    least = " (swaps only to avoid an OOM)" if memory.swappiness == 0 else ""
    return f", vm.swappiness {memory.swappiness}{least}"
