"""The table of rules as a whole: order, promises that hold for all of them, hostile input."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import FIRST_RUN, GI, MI, NOW, ROOMY, memory, row, spec, subject
from tests.oomsight_operator.judgement.kill_order.build import NODE, candidate

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import Memory, NodeMemory, Pressure
from oomsight_operator.judgement.kill_order.order import rank
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import NodeContext
from oomsight_operator.judgement.risk.rules import RULES, in_order, judge

AMOUNT = st.one_of(st.none(), st.integers(-(2**63), 2**63))
RATE = st.one_of(st.none(), st.floats())
FIELDS = dict.fromkeys(
    ("usage", "working_set", "unreclaimable", "limit", "high", "peak_interval", "swap", "shmem", "file", "active_file", "headroom"),
    AMOUNT,
)
RATES = dict.fromkeys(("refaults_per_second", "anon_refaults_per_second", "major_faults_per_second"), RATE)
STALLS = dict.fromkeys(("some_avg60", "full_avg60"), RATE)

DOCUMENTED = {rule.reason: dict(rule.levels) for rule in RULES}


def test_every_reason_has_one_rule() -> None:
    assert sorted(rule.reason for rule in RULES) == sorted(RiskReason)
    assert not {RiskLevel.UNKNOWN, RiskLevel.NONE} & {level for levels in DOCUMENTED.values() for level in levels}


def test_worst_first_and_facts_before_forecasts() -> None:
    kill = Kill(NOW - 60, "app", "b" * 64, KillSource.STATUS, 512 * MI, exit_code=137)
    found = judge(subject(spec(request=64 * MI, limit=512 * MI), memory(470 * MI, 512 * MI, working_set=400 * MI), kills=(kill,)))

    assert [finding.reason for finding in found] == [
        RiskReason.OOM_KILLED_RECENTLY,
        RiskReason.NEAR_LIMIT,
        RiskReason.OVER_REQUEST,
    ]
    assert in_order(reversed(found)) == found


@given(
    unreclaimable=st.integers(0, 512 * MI),
    cache=st.integers(0, 2 * GI),
    request=st.sampled_from([None, 0, 64 * MI, 512 * MI]),
    limit=st.sampled_from([None, 512 * MI]),
    refaults=st.floats(0, 1e6),
)
def test_page_cache_alone_changes_no_finding_level_though_it_is_dropped_and_read_again_all_day(
    unreclaimable: int, cache: int, request: int | None, limit: int | None, refaults: float
) -> None:
    def findings(file: int) -> list[tuple[RiskReason, RiskLevel]]:
        total = unreclaimable + file
        uses = memory(unreclaimable, limit, usage=total, working_set=total, file=file, active_file=file, shmem=0)
        told = row(uses=uses, refaults_per_second=refaults, major_faults_per_second=0.0)
        return [(finding.reason, finding.level) for finding in judge(subject(spec(request=request, limit=limit), row=told))]

    assert findings(cache) == findings(0)


@given(
    values=st.fixed_dictionaries(FIELDS),
    resources=st.tuples(st.one_of(st.none(), st.integers(0, 2**63)), st.one_of(st.none(), st.integers(0, 2**63))),
    node=st.tuples(AMOUNT, AMOUNT),
    exit_code=st.one_of(st.none(), st.integers()),
    rates=st.fixed_dictionaries(RATES),
    stalls=st.tuples(st.one_of(st.none(), st.fixed_dictionaries(STALLS)), st.fixed_dictionaries(STALLS)),
    peak=AMOUNT,
)
def test_no_value_crashes_a_rule_and_every_sentence_is_one_printable_line(
    values: dict[str, Any],
    resources: tuple[int | None, int | None],
    node: tuple[int | None, int | None],
    exit_code: int | None,
    rates: dict[str, Any],
    stalls: tuple[dict[str, float | None] | None, dict[str, float | None]],
    peak: int | None,
) -> None:
    uses = Memory(**{f"{name}_bytes": value for name, value in values.items()})
    everybody = (candidate(7, name="\x1b[2J", adj=3, container=FIRST_RUN), candidate(8, adj=-997))
    pressure, of_node = Pressure(**stalls[0]) if stalls[0] is not None else None, Pressure(**stalls[1])
    memory_of_node = NodeMemory(total_bytes=node[0], available_bytes=node[1], pressure=of_node)
    context = NodeContext("n\u202e\n", memory_of_node, rank(everybody, NODE))
    kill = Kill(NOW, "app", "b" * 64, KillSource.STATUS, resources[1], exit_code=exit_code)
    told = row(uses=uses, pressure=pressure, **rates)
    of = spec(request=resources[0], limit=resources[1])
    found = [
        *judge(subject(of, row=told, node=context, kills=(kill,))),
        *judge(subject(of, row=told, node=context, peak_unreclaimable_bytes=peak, watched_seconds=0.0)),
    ]

    for finding in found:
        assert finding.level in DOCUMENTED[finding.reason]
        assert finding.sentence.isascii()
        assert finding.sentence.isprintable()


def test_a_calm_container_has_no_finding() -> None:
    uses = memory(100 * MI, 512 * MI, working_set=200 * MI, shmem=0)

    assert judge(subject(spec(request=256 * MI, limit=512 * MI), uses, node=NodeContext("node-1", ROOMY))) == ()
