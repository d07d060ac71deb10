"""The table of advice as a whole: hostile input, and sentences that can be shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.advice.build import context, mean
from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, memory, row, spec

from oomsight_api.names import Advice
from oomsight_api.report import NodeMemory
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.advice.container import observe_usual
from oomsight_operator.judgement.advice.rules import advise
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import NodeContext
from oomsight_operator.judgement.usual import NOTHING_USUAL

AMOUNT = st.one_of(st.none(), st.integers(-(2**63), 2**63))


@given(
    amounts=st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT),
    resources=st.tuples(AMOUNT, AMOUNT),
    node=st.tuples(AMOUNT, AMOUNT, AMOUNT),
    rates=st.tuples(*[st.one_of(st.none(), st.floats())] * 2),
    means=st.tuples(*[st.floats(-1e19, 1e19)] * 3),
    earlier=st.sets(st.sampled_from(Advice)),
)
def test_no_value_crashes_a_rule_and_every_sentence_is_one_printable_line(
    amounts: tuple[int | None, ...],
    resources: tuple[int | None, int | None],
    node: tuple[int | None, int | None, int | None],
    rates: tuple[float | None, float | None],
    means: tuple[float, float, float],
    earlier: set[Advice],
) -> None:
    unreclaimable, limit, usage, swap, peak = amounts
    uses = memory(unreclaimable, limit, usage=usage, swap=swap, swap_unlimited=True)
    told = row(uses=uses, refaults_per_second=rates[0], major_faults_per_second=rates[1])
    unreclaimable_mean, refaults_mean, swap_mean = map(mean, means)
    of = context(
        spec(request=resources[0], limit=resources[1]),
        row=told,
        node=NodeContext("n\u202e\n", NodeMemory(total_bytes=node[0], page_size_bytes=node[2]), allocatable_bytes=node[1]),
        kills=(Kill(NOW, "app", FIRST_RUN, KillSource.COUNTER),),
        pod_row=PodRow(pod_uid="uid-1", cgroup="/p", memory=memory(swap_unlimited=True)),
        peak_unreclaimable_bytes=peak,
        watched_seconds=86400.0,
        peak_working_set_bytes=peak,
        usual={"unreclaimable_bytes": unreclaimable_mean, "refaults_per_second": refaults_mean, "swap_bytes": swap_mean},
        given=earlier,
    )
    observe_usual(NOTHING_USUAL, of.subject, NOW)

    for given_now in advise(of, ()):
        assert given_now.sentence.isascii()
        assert given_now.sentence.isprintable()
        assert len(given_now.sentence) <= 600


def test_what_costs_most_comes_first() -> None:
    of = context(
        spec(),
        memory(30 * MI, swap=64 * MI, swap_unlimited=True),
        pod_row=PodRow(pod_uid="uid-1", cgroup="/p", memory=memory(swap_unlimited=True)),
        kills=(Kill(NOW, "app", FIRST_RUN, KillSource.COUNTER),),
        usual={"swap_bytes": mean(64 * MI)},
    )

    assert [given_now.advice for given_now in advise(of, ())] == [Advice.SILENT_KILLS, Advice.UNBOUNDED_SWAP, Advice.NO_REQUEST]
