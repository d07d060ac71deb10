"""OverRequest follows the kubelet's eviction order, but never for page cache alone."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import MI, SHORT, memory, spec, subject

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import Memory
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.model import NodeContext
from oomsight_operator.judgement.risk.over_request import over_request

ASKED = spec(request=100 * MI, limit=500 * MI)


def used(unreclaimable: int, working_set: int) -> Memory:
    return memory(unreclaimable * MI, 500 * MI, working_set=working_set * MI)


def test_above_the_request_is_low_on_a_roomy_node_and_medium_on_a_short_one() -> None:
    roomy = over_request(subject(ASKED, used(150, 160)))
    short = over_request(subject(ASKED, used(150, 160), node=NodeContext("node-1", SHORT)))

    assert roomy is not None
    assert short is not None
    assert (roomy.level, short.level) == (RiskLevel.LOW, RiskLevel.MEDIUM)
    assert roomy.sentence.startswith("container app: working set 160Mi is 160 % of its request 100Mi")


def test_page_cache_above_the_request_is_no_reason() -> None:
    assert over_request(subject(ASKED, used(50, 400))) is None


def test_exactly_the_request_is_not_above_it() -> None:
    assert over_request(subject(ASKED, used(100, 100))) is None


def test_once_above_it_takes_five_points_below_the_request_to_be_forgotten() -> None:
    before = {RiskReason.OVER_REQUEST: RiskLevel.LOW}

    assert over_request(subject(ASKED, used(96, 96), raised=before)) is not None
    assert over_request(subject(ASKED, used(95, 95), raised=before)) is None


def test_a_request_that_is_the_limit_is_never_exceeded_even_with_swap() -> None:
    assert over_request(subject(spec(request=100 * MI, limit=100 * MI), memory(120 * MI, 100 * MI, working_set=120 * MI))) is None


def test_without_a_request_it_is_said_only_while_the_node_is_short() -> None:
    best_effort = spec()

    assert over_request(subject(best_effort, used(50, 60))) is None
    short = over_request(subject(best_effort, used(50, 60), node=NodeContext("node-1", SHORT)))
    assert short is not None
    assert "no memory request" in short.sentence


def of_pod(unreclaimable: int, working_set: int) -> PodRow:
    return PodRow(pod_uid="uid-1", cgroup="/p", memory=memory(unreclaimable * MI, working_set=working_set * MI))


def test_a_container_above_its_request_in_a_pod_below_its_own_is_not_evicted_early() -> None:
    sidecar = spec("proxy", kind="sidecar", request=20 * MI, limit=500 * MI)
    below = over_request(subject(sidecar, used(30, 30), pod_request_bytes=520 * MI, pod_row=of_pod(200, 230)))
    above = over_request(subject(sidecar, used(30, 30), pod_request_bytes=520 * MI, pod_row=of_pod(521, 560)))
    unknown = over_request(subject(sidecar, used(30, 30), pod_request_bytes=520 * MI))

    assert below is None
    assert unknown is None
    assert above is not None
    assert above.sentence.endswith("so its pod is evicted early when the node runs short of memory")


def test_without_a_request_beside_a_container_that_asks_for_enough_is_no_reason() -> None:
    short = NodeContext("node-1", SHORT)

    assert over_request(subject(spec(), used(50, 60), node=short, pod_request_bytes=500 * MI, pod_row=of_pod(90, 100))) is None


def test_an_ephemeral_container_is_not_blamed_for_a_request_that_it_cannot_have() -> None:
    assert over_request(subject(spec(kind="ephemeral"), used(50, 60), node=NodeContext("node-1", SHORT))) is None


def test_a_critical_pod_is_never_evicted() -> None:
    assert over_request(subject(ASKED, used(150, 160), never_evicted=True)) is None


def test_nothing_is_said_of_what_is_unknown() -> None:
    assert over_request(subject(ASKED, memory(None, working_set=400 * MI))) is None
    assert over_request(subject(ASKED, memory(400 * MI))) is None
