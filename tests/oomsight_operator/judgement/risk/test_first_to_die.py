"""FirstToDie names one container of a node that is short of memory, and a Guaranteed pod's whenever it is first beyond doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oomsight_operator.judgement.build import FIRST_RUN, GI, MI, ROOMY, SECOND_RUN, SHORT, spec, subject
from tests.oomsight_operator.judgement.kill_order.build import NODE, candidate

from oomsight_api.names import QosClass, RiskLevel, RiskReason
from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.kill_order.model import Candidate
from oomsight_operator.judgement.kill_order.order import rank
from oomsight_operator.judgement.model import Finding, NodeContext
from oomsight_operator.judgement.risk.first_to_die import first_to_die, lead

FIRST = candidate(7, adj=1000, rss=80 * MI, container=FIRST_RUN)
SECOND = candidate(8, adj=985, rss=128 * MI, container=SECOND_RUN)
SSHD = candidate(9, adj=1000, rss=90 * MI, name="ss\x1bhd")


def node(memory: NodeMemory, *everybody: Candidate, signed: bool | None = True) -> NodeContext:
    return NodeContext("node-1", memory, rank(everybody, NODE, signed=signed), host_processes_known=True)


def with_available(percent: int | None) -> NodeMemory:
    return NodeMemory(total_bytes=100 * MI, available_bytes=percent * MI if percent is not None else None)


@pytest.mark.parametrize(
    ("available", "level"),
    [(9, RiskLevel.MEDIUM), (5, RiskLevel.MEDIUM), (4, RiskLevel.HIGH), (0, RiskLevel.HIGH)],
)
def test_level_by_the_nodes_available_memory(available: int, level: RiskLevel) -> None:
    finding = first_to_die(subject(spec(), node=node(with_available(available), FIRST, SECOND)))

    assert finding is not None
    assert finding.level is level


def test_when_the_node_is_short_is_said_by_the_policy() -> None:
    finding = first_to_die(
        subject(spec(), node=node(with_available(29), FIRST), risk={"nodeAvailable": {"mediumPercent": 40, "highPercent": 30}})
    )

    assert finding is not None
    assert finding.level is RiskLevel.HIGH


@pytest.mark.parametrize("available", [50, 10, None])
def test_somebody_is_always_first_so_it_is_no_risk_while_the_node_has_room_or_is_unknown(available: int | None) -> None:
    assert first_to_die(subject(spec(), node=node(with_available(available), FIRST, SECOND))) is None


def test_the_sentence_says_where_and_why() -> None:
    finding = first_to_die(subject(spec(), node=node(SHORT, FIRST)))

    assert finding is not None
    assert finding.sentence == (
        "container app: of the containers on node node-1 the first to be killed if it runs out of memory"
        " (oom_score_adj 1000, 80Mi resident); 6 % of its memory is available"
    )


def test_the_second_in_line_and_a_node_without_order_are_not_named() -> None:
    assert first_to_die(subject(spec(), node=node(SHORT, SECOND, replace(FIRST, container_id="c" * 64)))) is None
    assert first_to_die(subject(spec(), node=node(SHORT))) is None
    assert first_to_die(subject(spec(), node=NodeContext("node-1", SHORT))) is None
    assert first_to_die(subject(spec(), row=None, node=node(SHORT, FIRST))) is None


def test_among_equals_nobody_can_say_who_and_all_are_told_so() -> None:
    equal = replace(FIRST, container_id=SECOND_RUN, pid=5)
    finding = first_to_die(subject(spec(), node=node(SHORT, FIRST, equal)))

    assert finding is not None
    assert "80Mi resident), or another with as many points (ambiguous); " in finding.sentence


def test_two_equal_processes_of_one_container_are_no_riddle() -> None:
    finding = first_to_die(subject(spec(), node=node(SHORT, FIRST, replace(FIRST, pid=5), SECOND)))

    assert finding is not None
    assert "ambiguous" not in finding.sentence


def test_what_dies_before_it_outside_pods_is_named_and_makes_it_no_safer() -> None:
    finding = first_to_die(subject(spec(), node=node(SHORT, FIRST, SSHD, replace(SSHD, pid=10))))

    assert finding is not None
    assert "80Mi resident), after ss\\x1bhd and 1 more outside pods; " in finding.sentence


# A Guaranteed pod that would die first.

HUGE = candidate(7, adj=-997, rss=12 * GI, container=FIRST_RUN)
SMALL = candidate(8, adj=-997, rss=GI, container=SECOND_RUN)


def guaranteed(*everybody: Candidate, before: RiskLevel = RiskLevel.NONE, qos: QosClass = QosClass.GUARANTEED) -> Finding | None:
    return first_to_die(subject(spec(), node=node(ROOMY, *everybody), qos_class=qos, raised={RiskReason.FIRST_TO_DIE: before}))


def test_a_guaranteed_pod_that_is_first_by_its_size_is_told_while_the_node_has_room() -> None:
    finding = guaranteed(HUGE, SMALL)

    assert finding is not None
    assert finding.level is RiskLevel.LOW
    assert finding.sentence == (
        "container app: Guaranteed, and yet the first to be killed if node node-1 runs out of memory: oom_score_adj -997 is weighed"
        " against size, and no other process comes near its 12Gi (11Gi ahead of the next);"
        " only less memory in one process changes that"
    )


def test_a_guaranteed_pod_whose_process_gave_itself_away_is_told_which() -> None:
    finding = guaranteed(replace(FIRST, name="chrome"), SMALL)

    assert finding is not None
    assert "its process chrome (pid 7, 80Mi) runs with oom_score_adj 1000, not with its pod's -997" in finding.sentence


@pytest.mark.parametrize(
    "everybody",
    [
        pytest.param((HUGE, replace(HUGE, pid=8, container_id=SECOND_RUN)), id="ambiguous"),
        pytest.param((HUGE, candidate(9, adj=0, rss=MI)), id="something-outside-pods-dies-before"),
        pytest.param((HUGE,), id="nobody-else-to-compare-with"),
        pytest.param((SMALL, replace(HUGE, pid=9, container_id=SECOND_RUN)), id="another-is-first"),
    ],
)
def test_a_guaranteed_pod_that_is_not_first_beyond_doubt_is_left_alone(everybody: tuple[Candidate, ...]) -> None:
    assert guaranteed(*everybody) is None


def test_a_guaranteed_pod_is_not_told_where_a_process_outside_pods_may_die_before_for_all_that_is_known() -> None:
    unknown = replace(node(ROOMY, HUGE, SMALL), host_processes_known=False)

    assert first_to_die(subject(spec(), node=unknown, qos_class=QosClass.GUARANTEED)) is None


def test_others_are_not_told_while_the_node_has_room() -> None:
    assert guaranteed(HUGE, SMALL, qos=QosClass.BURSTABLE) is None


def test_two_that_are_nearly_equal_do_not_flap() -> None:
    # 5 % of 16Gi are 819 MiB, 2 % are 328 MiB.
    def ahead_by(mebibytes: int, before: RiskLevel) -> bool:
        return guaranteed(replace(HUGE, size_pages=SMALL.size_pages + mebibytes * 256), SMALL, before=before) is not None

    assert [ahead_by(mebibytes, RiskLevel.NONE) for mebibytes in (300, 400, 800, 820)] == [False, False, False, True]
    assert [ahead_by(mebibytes, RiskLevel.LOW) for mebibytes in (300, 400, 800, 820)] == [False, True, True, True]


def test_how_clear_a_lead_is() -> None:
    assert [lead(rank(each, NODE)) for each in ((), (HUGE, SMALL), (HUGE, HUGE), (HUGE, SSHD))] == [0, 2, 0, 0]
