"""SwapThrashing is told by the container's own refaults, never by the node's swap traffic."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.build import GI, MI, memory, row, spec, subject

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import Memory, NodeMemory
from oomsight_operator.judgement.model import Finding, NodeContext
from oomsight_operator.judgement.risk.swap_thrashing import swap_thrashing

USES = memory(300 * MI, 512 * MI, usage=400 * MI, swap=120 * MI)


def at(rate: float | None, uses: Memory = USES, **more: Any) -> Finding | None:
    return swap_thrashing(subject(spec(limit=512 * MI), row=row(uses=uses, anon_refaults_per_second=rate), **more))


def test_swapped_pages_that_are_needed_again() -> None:
    low, medium = at(900.7), at(2000.0)

    assert low is not None
    assert medium is not None
    assert (low.level, medium.level) == (RiskLevel.LOW, RiskLevel.MEDIUM)
    assert low.sentence == "container app: 900 swapped out pages a second are needed again (in swap now: 120Mi)"


def test_the_limit_is_named_where_usage_stands_at_it() -> None:
    finding = at(900.0, memory(300 * MI, 512 * MI, usage=511 * MI))

    assert finding is not None
    assert finding.sentence == "container app: 900 swapped out pages a second are needed again, usage stands at its limit 512Mi"


def test_much_in_swap_that_nobody_needs_is_no_thrashing() -> None:
    assert at(0.0, memory(300 * MI, 512 * MI, swap=2 * GI)) is None


def test_the_nodes_swap_traffic_is_no_evidence_for_a_container() -> None:
    busy = NodeMemory(total_bytes=16 * GI, available_bytes=GI, swap_in_pages_per_second=9000.0, swap_out_pages_per_second=9000.0)

    assert at(None, node=NodeContext("node-1", busy)) is None


def test_a_level_falls_a_share_below_its_threshold() -> None:
    before = {RiskReason.SWAP_THRASHING: RiskLevel.MEDIUM}
    held, fallen = at(1900.0, raised=before), at(1899.0, raised=before)

    assert held is not None
    assert fallen is not None
    assert (held.level, fallen.level) == (RiskLevel.MEDIUM, RiskLevel.LOW)


def test_what_does_not_run_does_not_thrash() -> None:
    assert at(9000.0, running=False) is None
