"""MemoryStalls: every task of the node waits for memory a good part of the time (PSI `full`, /proc/pressure/memory).

Source: Documentation/accounting/psi.rst. `some` counts time in which at least one task waits: one container at its own limit is
enough for it, so it says nothing of the node. Threshold: full avg60 of 10 % and more, as a policy's `memoryPressure.mediumPercent`.
"""

from __future__ import annotations

from oomsight_operator.judgement.finite import finite
from oomsight_operator.judgement.node_health.condition import ConditionType, NodeCondition, Reason, Status, unknown
from oomsight_operator.judgement.node_health.facts import DEFAULTS, NodeFacts

_TYPE = ConditionType.MEMORY_STALLS


def stalls(facts: NodeFacts) -> NodeCondition:
    """Full, not some."""
    pressure = facts.memory.pressure
    full = finite(pressure.full_avg60, 100.0) if pressure is not None else None
    if pressure is None or full is None:
        return unknown(_TYPE, "pressure stall information (kernels since 4.20 have it; some are booted without: psi=1)")
    some = finite(pressure.some_avg60, 100.0)
    if full >= DEFAULTS.memory_pressure.medium_percent:
        message = (
            f"in {full:.1f} % of the last 60 s every task that could run waited for memory: work stands still although nobody is"
            " killed yet; find who reclaims (refaults and swap of the containers), lower what runs here, or give it a higher limit"
        )
        return NodeCondition(_TYPE, Status.TRUE, Reason.ALL_TASKS_STALL, message)
    known = f"some {some:.1f} %, " if some is not None else ""
    numbers = f"{known}full {full:.1f} % of the last 60 s"
    if some is not None and some >= DEFAULTS.memory_pressure.medium_percent:
        healthy = "single tasks wait for memory (a container at its own limit is enough) while the node as a whole works"
        return NodeCondition(_TYPE, Status.FALSE, Reason.SOME_TASKS_STALL, f"{numbers}: {healthy}")
    return NodeCondition(_TYPE, Status.FALSE, Reason.NO_STALLS, numbers)
