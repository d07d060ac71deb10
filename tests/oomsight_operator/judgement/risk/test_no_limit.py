"""NoLimit is a low risk, and a greater one while the node is short."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import GI, MI, SHORT, memory, spec, subject

from oomsight_api.names import RiskLevel
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


def test_a_limit_of_the_container_of_the_kernel_or_of_the_pod_is_a_limit() -> None:
    assert no_limit(subject(spec(limit=GI), memory(MI))) is None
    assert no_limit(subject(spec(), memory(MI, GI))) is None
    assert no_limit(subject(spec(), memory(MI), pod_limit_bytes=GI)) is None


def test_a_container_that_does_not_run_cannot_grow() -> None:
    assert no_limit(subject(spec(), running=False)) is None
