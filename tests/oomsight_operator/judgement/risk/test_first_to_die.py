"""FirstToDie names one container of a node that is short of memory, the more urgently the less is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oomsight_operator.judgement.build import FIRST_RUN, GI, MI, SECOND_RUN, SHORT, spec, subject

from oomsight_api.names import RiskLevel
from oomsight_api.report import NodeMemory
from oomsight_operator.judgement.model import KillCandidate, NodeContext
from oomsight_operator.judgement.risk.first_to_die import first_to_die

FIRST = KillCandidate("uid-1", "app", 4_200_000, oom_score_adj=1000, rss_bytes=80 * MI, container_id=FIRST_RUN)
SECOND = KillCandidate("uid-2", "app", 4_100_000, oom_score_adj=985, rss_bytes=GI, container_id=SECOND_RUN)


@pytest.mark.parametrize(
    ("available", "level"),
    [(9, RiskLevel.MEDIUM), (5, RiskLevel.MEDIUM), (4, RiskLevel.HIGH), (0, RiskLevel.HIGH)],
)
def test_level_by_the_nodes_available_memory(available: int, level: RiskLevel) -> None:
    memory = NodeMemory(total_bytes=100 * MI, available_bytes=available * MI)
    finding = first_to_die(subject(spec(), node=NodeContext("node-1", memory, (FIRST, SECOND))))

    assert finding is not None
    assert finding.level is level


@pytest.mark.parametrize("available", [50, 10, None])
def test_somebody_is_always_first_so_it_is_no_risk_while_the_node_has_room_or_is_unknown(available: int | None) -> None:
    memory = NodeMemory(total_bytes=100 * MI, available_bytes=available * MI if available is not None else None)

    assert first_to_die(subject(spec(), node=NodeContext("node-1", memory, (FIRST, SECOND)))) is None


def test_the_sentence_says_where_and_why() -> None:
    finding = first_to_die(subject(spec(), node=NodeContext("node-1", SHORT, (FIRST,))))

    assert finding is not None
    assert finding.sentence == (
        "container app: of the containers on node node-1 the first to be killed if it runs out of memory"
        " (oom_score_adj 1000, 80Mi resident); 6 % of its memory is available"
    )


def test_the_second_in_line_and_a_node_without_order_are_not_named() -> None:
    assert first_to_die(subject(spec(), node=NodeContext("node-1", SHORT, (SECOND, FIRST)))) is None
    assert first_to_die(subject(spec(), node=NodeContext("node-1", SHORT, ()))) is None
    assert first_to_die(subject(spec(), row=None, node=NodeContext("node-1", SHORT, (FIRST,)))) is None


def test_among_equals_nobody_can_say_who_and_all_are_told_so() -> None:
    equal = replace(SECOND, points=FIRST.points)
    order = (equal, FIRST)
    finding = first_to_die(subject(spec(), node=NodeContext("node-1", SHORT, order)))

    assert finding is not None
    assert "80Mi resident), or another with as many points (ambiguous); " in finding.sentence
