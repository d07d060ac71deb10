"""NoLimit is a low risk, and a greater one while the node is short."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import GI, MI, SHORT, memory, spec, subject

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.model import NodeContext
from oomsight_operator.judgement.risk.no_limit import no_limit


def test_low_on_a_roomy_node() -> None:
    finding = no_limit(subject(spec(), memory(80 * MI)))

    assert finding is not None
    assert finding.level is RiskLevel.LOW
    assert finding.sentence == "container app: no memory limit, it can grow until the node runs out (unreclaimable now 80Mi)"


def test_medium_while_the_node_is_short() -> None:
    finding = no_limit(subject(spec(), memory(80 * MI), node=NodeContext("node-1", SHORT)))

    assert finding is not None
    assert finding.level is RiskLevel.MEDIUM
    assert finding.sentence.endswith("6 % of the node is available")


def with_available(percent: int) -> NodeContext:
    return NodeContext("node-1", NodeMemory(total_bytes=100 * GI, available_bytes=percent * GI))


def test_when_the_node_is_short_is_said_by_the_policy() -> None:
    careful = no_limit(subject(spec(), memory(80 * MI), node=with_available(19), risk={"nodeAvailable": {"mediumPercent": 20}}))
    exactly = no_limit(subject(spec(), memory(80 * MI), node=with_available(10)))

    assert careful is not None
    assert exactly is not None
    assert (careful.level, exactly.level) == (RiskLevel.MEDIUM, RiskLevel.LOW)


def test_a_node_that_was_short_stays_so_until_five_points_more_are_available() -> None:
    before = {RiskReason.NO_LIMIT: RiskLevel.MEDIUM}
    levels = []
    for percent in (14, 15):
        finding = no_limit(subject(spec(), memory(80 * MI), node=with_available(percent), raised=before))
        assert finding is not None
        levels.append(finding.level)

    assert levels == [RiskLevel.MEDIUM, RiskLevel.LOW]


def test_a_limit_of_the_container_of_the_kernel_or_of_the_pod_is_a_limit() -> None:
    assert no_limit(subject(spec(limit=GI), memory(MI))) is None
    assert no_limit(subject(spec(), memory(MI, GI))) is None
    assert no_limit(subject(spec(), memory(MI), pod_limit_bytes=GI)) is None


def test_a_container_that_does_not_run_cannot_grow() -> None:
    assert no_limit(subject(spec(), running=False)) is None
