"""One container of one pod, kept and read back; what is hostile there is left out."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import MI, NOW, judge, memory, pod, row, running, spec
from tests.oomsight_operator.judgement.forecast.floors import watched

from oomsight_api.names import Advice, RiskLevel, RiskReason
from oomsight_operator.judgement.advice.given import AdviceGiven
from oomsight_operator.judgement.forecast.digest import to_digest
from oomsight_operator.judgement.model import ContainerHistory, Finding, PodHistory, ToldFinding
from oomsight_operator.judgement.recommend.track import MAX_BYTES
from oomsight_operator.judgement.usual import Mean, Usual
from oomsight_operator.publishing.pod_digest import (
    MeanDigest,
    PodDigest,
    ReasonDigest,
    UsualDigest,
    bare,
    fill,
    history_of,
    with_course,
)
from oomsight_operator.publishing.summary import summary_lines

HISTORY = ContainerHistory(
    level=RiskLevel.HIGH,
    lower_since_seconds=NOW - 30,
    raised={RiskReason.NEAR_LIMIT: RiskLevel.MEDIUM, RiskReason.NO_LIMIT: RiskLevel.LOW},
    told=(ToldFinding(Finding(RiskReason.NEAR_LIMIT, RiskLevel.HIGH, "container app: 60Mi of 64Mi"), NOW - 20),),
    container_id_seen="a" * 64,
    floor=watched(lambda t: 10 + t / 100, 2, until=NOW),
    usual=Usual(
        refaults_per_second=Mean(7.0, 0.0, NOW - 5, 900.0),
        refaults_limit_bytes=64 * MI,
        swap_bytes=Mean(5.0, 6.0, NOW - 5, 100.0),
    ),
    advice=(AdviceGiven(Advice.UNBOUNDED_SWAP, "container app: swap"),),
)


def through_json(entry: PodDigest, now: float = NOW) -> ContainerHistory:
    return history_of(msgspec.json.decode(msgspec.json.encode(entry), type=PodDigest), (), now)


def test_a_whole_history_comes_back() -> None:
    assert through_json(with_course(bare("uid-1", HISTORY), HISTORY, 40)) == HISTORY


def test_the_bare_form_has_no_course() -> None:
    restored = through_json(bare("uid-1", HISTORY))
    assert (restored.level, restored.container_id_seen) == (RiskLevel.HIGH, "a" * 64)
    assert (restored.told, restored.advice, restored.floor.points) == ((), (), [])
    assert len(msgspec.json.encode(bare("uid-1", HISTORY))) < 130


def test_a_long_sentence_is_cut_and_what_cannot_be_shown_is_escaped() -> None:
    hostile = replace(HISTORY, told=(ToldFinding(Finding(RiskReason.NEAR_LIMIT, RiskLevel.HIGH, "x\n\x1b[2J\u202e" + "y" * 900)),))
    (told,) = through_json(with_course(bare("uid-1", hostile), hostile)).told
    assert len(told.finding.sentence) <= 240
    assert told.finding.sentence.isascii()
    assert told.finding.sentence.isprintable()


def test_times_to_come_and_amounts_that_nothing_has_are_not_believed() -> None:
    entry = PodDigest(
        "uid-1", seen="a" * 500, kills=-1, peak=MAX_BYTES + 1, floor=-5, first=NOW + 9, last=NOW + 99, lower=NOW + 1, past="nothing"
    )
    assert through_json(entry) == ContainerHistory()


def test_richer_forms_take_the_room_there_is() -> None:
    entries = [bare("uid-1", HISTORY), bare("uid-2", HISTORY)]
    full = len(msgspec.json.encode(with_course(entries[0], HISTORY))) - len(msgspec.json.encode(entries[0]))
    left = fill(entries, full + 1, ((index, lambda entry: with_course(entry, HISTORY)) for index in range(2)))
    assert left == 1
    assert [bool(entry.past) for entry in entries] == [True, False]


AMOUNTS = st.none() | st.integers(-(1 << 62), 1 << 62)
TIMES = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, NOW)
LEVELS = st.sampled_from(RiskLevel)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, NOW)
MEANS = st.none() | st.builds(MeanDigest, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
ENTRIES = st.builds(
    PodDigest,
    uid=st.just("uid-1"),
    level=LEVELS,
    seen=st.none() | st.text(max_size=200) | st.just("a" * 64),
    kills=AMOUNTS,
    peak=AMOUNTS,
    floor=AMOUNTS,
    ws=AMOUNTS,
    limit=AMOUNTS,
    first=TIMES,
    last=TIMES,
    ended=st.lists(st.text(max_size=200), max_size=5).map(tuple),
    counted=st.lists(st.text(max_size=300), max_size=5).map(tuple),
    lower=TIMES,
    why=st.lists(
        st.builds(
            ReasonDigest,
            reason=st.sampled_from(RiskReason),
            told=st.none() | LEVELS,
            judged=st.none() | LEVELS,
            less_since=TIMES,
            sentence=st.text(max_size=20),
        ),
        max_size=20,
    ).map(tuple),
    past=st.sampled_from(("", "AAAA", to_digest(HISTORY.floor), to_digest(watched(lambda t: 60 * math.sin(t), 9, until=NOW * 2)))),
    usual=st.none() | st.builds(UsualDigest, MEANS, MEANS, AMOUNTS, MEANS),
    advice=st.lists(st.tuples(st.sampled_from(Advice), st.text(max_size=20)), max_size=9).map(tuple),
)


@given(ENTRIES)
def test_whatever_stands_in_a_status_a_history_comes_of_it_that_can_be_judged_and_told(entry: PodDigest) -> None:
    restored = through_json(entry)
    of = pod(spec(limit=64 * MI, request=64 * MI), statuses=(running(),))
    assessment, after = judge(of, {"app": row(uses=memory(60 * MI, 64 * MI))}, PodHistory({"app": restored}))
    assert all(line.isascii() and line.isprintable() for line in summary_lines(of, assessment))
    kept = after.containers["app"]
    assert through_json(with_course(bare("uid-1", kept), kept, 40)).told == kept.told
