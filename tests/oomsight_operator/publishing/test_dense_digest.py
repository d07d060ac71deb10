"""Pods of a workload in which many leak: each goes on after a restart, and what is hostile is refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import MI, NOW, judge, memory, pod, row, running, spec
from tests.oomsight_operator.judgement.forecast.floors import watched
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.recommendation import MAX_DIGEST_LENGTH, ContainerRecommendation
from oomsight_operator.judgement.kills.runs import with_whole_ids
from oomsight_operator.judgement.model import ContainerHistory, Pod, PodHistory
from oomsight_operator.publishing.contributions import contribution_of
from oomsight_operator.publishing.dense_digest import LEVELS, REASONS, from_dense, to_dense
from oomsight_operator.publishing.digest import encode_digest, histories_of, problems_of
from oomsight_operator.publishing.kill_records import ContainerMemory
from oomsight_operator.publishing.pod_digest import history_of

LIMIT = 1000 * MI
STEP = 300.0


class Leaking:
    """A pod that has leaked for ten hours, at its own pace."""

    def __init__(self, number: int) -> None:
        self.uid = str(UUID(int=0x00004000_80000000_00000000 + number * 0x1234567_89ABCDEF, version=4))
        self.run = f"{number + 17:064x}"
        self.base, self.pace = 470 + number / 2, 40 + number / 10
        self.history = PodHistory({"app": ContainerHistory(floor=watched(self.level, 10, run=self.run, every=STEP))})

    def level(self, seconds: float) -> float:
        return self.base + self.pace * seconds / 3600

    @property
    def pod(self) -> Pod:
        status = running(run=self.run, started=NOW - 36_000)
        return pod(spec(limit=LIMIT), uid=self.uid, name=f"web-{self.run[-3:]}", statuses=(status,))

    def look(self, after: float) -> dict[RiskReason, RiskLevel]:
        """What is told so long after NOW."""
        uses = memory(int(self.level(36_000 + after) * MI), LIMIT)
        judged, self.history = judge(self.pod, {"app": row(self.run, uses)}, self.history, now=NOW + after)
        self.contribution = contribution_of(self.pod, judged, self.history)
        return {each.finding.reason: each.finding.level for each in self.history.containers["app"].told}


def kept(pods: list[Leaking], kills: int = 0) -> ContainerRecommendation:
    memory_of_kills = ContainerMemory(known=tuple((f"{number:08x}", f"{-number:08x}") for number in range(kills)))
    digest = encode_digest("app", [one.contribution for one in pods], memory_of_kills, seen(700 * MI, 24 * 9, until=NOW))
    assert 0 < len(digest) <= MAX_DIGEST_LENGTH
    return ContainerRecommendation(name="app", digest=digest)


def test_twenty_pods_that_leak_are_told_without_a_gap_by_a_restarted_operator() -> None:
    pods = [Leaking(number) for number in range(20)]
    before = [one.look(STEP) for one in pods]
    assert all(told.get(RiskReason.LEAK_SUSPECTED) for told in before)
    written = kept(pods)
    assert problems_of([written]) == []
    histories = histories_of([written], NOW + STEP)
    for one in pods:
        one.history = with_whole_ids(histories[one.uid], one.pod)

    for step in range(2, 8):
        for one, told in zip(pods, before, strict=True):
            now = one.look(step * STEP)
            assert now[RiskReason.LEAK_SUSPECTED].severity >= told[RiskReason.LEAK_SUSPECTED].severity


def test_few_pods_that_leak_are_kept_in_full_and_of_more_the_worst() -> None:
    def in_full(count: int) -> list[bool]:
        pods = [Leaking(number) for number in range(count)]
        for one in pods:
            one.look(STEP)
        histories = histories_of([kept(pods)], NOW + STEP)
        told = [histories[one.uid].containers["app"].told for one in pods]
        return [any("an hour" in each.finding.sentence for each in one) for one in told]

    assert all(in_full(2))
    several = in_full(8)
    assert several == sorted(several), "the biggest ones"
    assert 1 <= sum(several) < 8


def test_of_very_many_the_worst_are_kept_and_kills_have_their_part() -> None:
    pods = [Leaking(number) for number in range(64)]
    for one in pods:
        one.look(STEP)
    histories = histories_of([kept(pods, kills=200)], NOW + STEP)
    assert len(histories) >= 8
    assert all(history.containers["app"].floor.points for history in histories.values())


def test_what_is_kept_of_one_comes_back() -> None:
    one = Leaking(3)
    one.look(STEP)
    history = replace(
        one.history.containers["app"],
        oom_kills_seen=4,
        peak_bytes=700 * MI + 5,
        peak_working_set_bytes=None,
        ended_container_ids=("f" * 64, "finished-1"),
        last_sample_seconds=NOW + 0.7,
        first_sample_seconds=NOW - 5000.2,
    )
    restored = history_of(from_dense(to_dense(one.uid, history), "app"), (), NOW + 60)
    back = with_whole_ids(PodHistory({"app": restored}), one.pod).containers["app"]

    assert len(to_dense(one.uid, history)) < 200
    assert from_dense(to_dense(one.uid, history), "app").uid == one.uid
    assert (back.level, back.raised, back.container_id_seen) == (history.level, history.raised, one.run)
    assert (back.oom_kills_seen, back.peak_bytes, back.peak_working_set_bytes) == (4, 700 * MI, None)
    assert (back.limit_bytes_seen, back.first_sample_seconds, back.last_sample_seconds) == (LIMIT, NOW - 5000, NOW)
    assert back.floor.run == history.floor.run
    assert {told.finding.reason for told in back.told} == {told.finding.reason for told in history.told}
    assert {told.finding.sentence for told in back.told} == {"container app: as an earlier run of the operator told"}


def test_a_history_of_nothing_comes_back() -> None:
    nothing = ContainerHistory()
    uid = Leaking(1).uid
    assert history_of(from_dense(to_dense(uid, nothing), "app"), (), NOW) == nothing


@pytest.mark.parametrize(
    "uid", ["uid-1", "", "0" * 32, "{00000000-0000-4000-8000-000000000000}", "A" * 8 + "-0000-4000-8000-000000000000"]
)
def test_a_uid_that_does_not_come_back_as_it_was_is_not_packed(uid: str) -> None:
    assert to_dense(uid, ContainerHistory()) == ""


def test_every_level_and_reason_has_a_number() -> None:
    assert set(LEVELS) == set(RiskLevel)
    assert set(REASONS) == set(RiskReason)


WHOLE = base64.b64decode(to_dense(Leaking(1).uid, Leaking(1).history.containers["app"]))


@pytest.mark.parametrize(
    "data", [WHOLE[:16], WHOLE[:20], WHOLE[:16] + b"\2" + WHOLE[17:], WHOLE[:17] + b"\x7f" + WHOLE[18:], WHOLE * 9]
)
def test_what_is_cut_off_of_a_later_version_or_too_much_is_refused_and_said(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    with pytest.raises(ValueError, match=r"."):
        from_dense(text, "app")
    container = ContainerRecommendation(
        name="app", digest=json.dumps({"v": 1, "dense": [text, to_dense(Leaking(2).uid, ContainerHistory())]})
    )
    assert histories_of([container], NOW).keys() == {Leaking(2).uid}
    assert problems_of([container]) == ["container app: 1 of 2 pods in short in its digest make no sense"]


@given(st.binary(max_size=200).map(WHOLE[:16].__add__) | st.binary(max_size=60).map(WHOLE[:-60].__add__))
def test_no_bytes_crash_the_reader_nor_a_judgement(data: bytes) -> None:
    try:
        entry = from_dense(base64.b64encode(data).decode(), "app")
    except ValueError:
        return
    restored = history_of(entry, (), NOW)
    of = pod(spec(limit=64 * MI), statuses=(running(),))
    judge(of, {"app": row(uses=memory(60 * MI, 64 * MI))}, with_whole_ids(PodHistory({"app": restored}), of))


@given(st.text(max_size=60))
def test_no_text_crashes_the_reader(text: str) -> None:
    container = ContainerRecommendation(name="app", digest=json.dumps({"v": 1, "dense": [text]}))
    assert histories_of([container], NOW) == {}
