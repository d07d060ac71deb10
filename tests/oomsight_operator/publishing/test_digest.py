"""What was learned comes back after a restart, and nonsense does not."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.forecast.floors import watched
from tests.oomsight_operator.judgement.recommend.scenes import seen
from tests.oomsight_operator.publishing.builders import CONTAINER_ID, MI, NOW, a_container, a_kill, a_pod, an_assessment

from oomsight_api.incident import Evidence, Incident, Victim
from oomsight_api.names import Advice, RiskLevel, RiskReason
from oomsight_api.recommendation import MAX_DIGEST_LENGTH, ContainerRecommendation, KillEvidence, KillRecord
from oomsight_api.report import Container
from oomsight_operator.judgement.advice.given import AdviceGiven
from oomsight_operator.judgement.kills.ends import CHILD_GRACE_SECONDS
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.kills.observe import KillTransition, Observation, observe_kills
from oomsight_operator.judgement.kills.tellings import tellings_of
from oomsight_operator.judgement.model import ContainerHistory, ContainerStatus, Finding, PodHistory, Telemetry, ToldFinding
from oomsight_operator.judgement.recommend.state import OomKill, on_oom
from oomsight_operator.judgement.usual import Mean, Usual
from oomsight_operator.publishing.contributions import Contribution, contribution_of
from oomsight_operator.publishing.digest import encode_digest, histories_of, learned_of, memory_of, problems_of
from oomsight_operator.publishing.kill_records import ContainerMemory, kill_hash, kill_of, remember

HISTORY = ContainerHistory(
    level=RiskLevel.HIGH,
    oom_kills_seen=4,
    container_id_seen=CONTAINER_ID,
    peak_bytes=60 * MI,
    peak_unreclaimable_bytes=50 * MI,
    peak_working_set_bytes=55 * MI,
    limit_bytes_seen=64 * MI,
    ended_container_ids=("d" * 64,),
    first_sample_seconds=NOW - 5000,
    last_sample_seconds=NOW,
)


LEAKING = replace(
    HISTORY,
    floor=watched(lambda t: 100 + t / 144 + 5 * math.sin(t), 20, every=60, until=NOW),
    raised={RiskReason.LEAK_SUSPECTED: RiskLevel.HIGH},
    told=(
        ToldFinding(Finding(RiskReason.LEAK_SUSPECTED, RiskLevel.HIGH, "container app: it grows")),
        ToldFinding(Finding(RiskReason.NEAR_LIMIT, RiskLevel.MEDIUM, "container app: 50Mi of 64Mi"), NOW - 40),
    ),
    usual=Usual(unreclaimable_bytes=Mean(50.0 * MI, 51.0 * MI, NOW - 5, 4000.0)),
    advice=(AdviceGiven(Advice.NO_BURST_ROOM, "container app: no room for bursts"),),
)
CALM = replace(HISTORY, level=RiskLevel.NONE, floor=watched(lambda t: 100 + 20 * math.sin(t / 10_000), 48, every=60, until=NOW))


def a_contribution(uid: str, *kills: Kill, history: ContainerHistory = HISTORY) -> Contribution:
    assessment = an_assessment(RiskLevel.HIGH, a_container(RiskLevel.HIGH, new_kills=kills), pod_uid=uid)
    return contribution_of(a_pod(uid=uid, name=f"web-{uid}"), assessment, PodHistory({"app": history}))


def written(*pods: Contribution) -> ContainerRecommendation:
    memory = ContainerMemory()
    for pod in pods:
        memory = remember(memory, pod.containers[0].kills, pod.pod_name, pod.pod_uid)
    digest = encode_digest("app", pods, memory)
    assert len(digest) <= MAX_DIGEST_LENGTH
    return ContainerRecommendation(name="app", oom_kills=memory.oom_kills, kills=memory.kills, digest=digest)


def test_a_restarted_operator_goes_on_from_what_was_learned() -> None:
    kill = a_kill(peak_bytes=64 * MI)
    history = histories_of([written(a_contribution("uid-1", kill))], NOW)["uid-1"].containers["app"]
    assert history.kills == (kill,)
    assert history.level is RiskLevel.HIGH
    assert (history.oom_kills_seen, history.container_id_seen) == (4, CONTAINER_ID)
    assert (history.peak_bytes, history.peak_unreclaimable_bytes, history.peak_working_set_bytes) == (60 * MI, 50 * MI, 55 * MI)
    assert (history.limit_bytes_seen, history.first_sample_seconds, history.last_sample_seconds) == (64 * MI, NOW - 5000, NOW)
    assert set(history.ended_container_ids) == {CONTAINER_ID, "d" * 64}


def test_what_the_recommender_learned_comes_back_and_is_never_pushed_out() -> None:
    state = on_oom(seen(lambda hour: int(hour * 1_000_003), 24 * 20, until=NOW), [OomKill(64 * MI, NOW - 60)])
    names = tuple(f"3b0c5a2e-1111-4222-8333-444455556666-{number}/{CONTAINER_ID}" for number in range(200))
    kills = [a_kill(at=NOW + number, container_id=f"{number:064x}") for number in range(200)]
    pods = [a_contribution(f"uid-{number}", history=replace(HISTORY, counted=names)) for number in range(60)]
    memory = remember(ContainerMemory(), tuple(kills), "web", "uid-1")
    digest = encode_digest("app", pods, memory, state)
    restored = learned_of([ContainerRecommendation(name="app", digest=digest)], NOW)["app"]

    assert len(digest) <= MAX_DIGEST_LENGTH
    assert restored.floor == state.floor
    assert restored.unreclaimable is not None
    assert state.unreclaimable is not None
    assert restored.unreclaimable.days == state.unreclaimable.days
    assert len(histories_of([ContainerRecommendation(name="app", digest=digest)], NOW)) >= 2, "the worst pods fit, too"


def test_a_kill_told_before_the_restart_is_known_after_it() -> None:
    pod = a_contribution("uid-1", a_kill(), a_kill(source=KillSource.COUNTER, sequence=2))
    memory = memory_of(written(pod))
    assert memory.oom_kills == 2
    assert remember(memory, pod.containers[0].kills, pod.pod_name, pod.pod_uid) is memory


def test_the_names_of_counted_victims_outlive_a_restart_as_many_as_fit() -> None:
    names = tuple(f"3b0c5a2e-1111-4222-8333-444455556666-{number}/{CONTAINER_ID}" for number in range(200))
    history = replace(HISTORY, counted=names)
    pods = [a_contribution(f"uid-{number}", history=history) for number in range(6)]
    restored = histories_of([written(*pods)], NOW)
    assert len(restored) == 6, "names do not push peaks out"
    for pod in restored.values():
        counted = pod.containers["app"].counted
        assert len(counted) >= 8
        assert counted == names[-len(counted) :]


def test_the_course_of_a_leak_comes_back_and_what_is_told_of_it() -> None:
    restored = histories_of([written(a_contribution("uid-1", history=LEAKING))], NOW)["uid-1"].containers["app"]
    assert restored.floor == LEAKING.floor
    assert (restored.raised, restored.told) == (LEAKING.raised, LEAKING.told)
    assert (restored.usual, restored.advice) == (LEAKING.usual, LEAKING.advice)
    assert restored.lower_since_seconds is None


def test_a_calm_pods_course_is_dropped_before_that_of_one_that_leaks_and_before_any_pod() -> None:
    calm = [a_contribution(f"calm-{number}", history=replace(CALM, peak_bytes=(900 - number) * MI)) for number in range(8)]
    leaking = [a_contribution(f"leaking-{number}", history=LEAKING) for number in range(2)]
    restored = {uid: pod.containers["app"] for uid, pod in histories_of([written(*calm, *leaking)], NOW).items()}
    assert [restored[f"leaking-{number}"].told for number in range(2)] == [LEAKING.told] * 2
    assert all(restored[f"leaking-{number}"].floor.points for number in range(2))
    assert len(restored) >= 6
    with_course = [uid for uid, history in restored.items() if uid.startswith("calm") and history.floor.points]
    assert with_course == sorted(with_course) != [uid for uid in restored if uid.startswith("calm")], "the biggest ones, not all"


def test_of_very_many_that_leak_the_worst_keep_their_course() -> None:
    pods = [a_contribution(f"uid-{number:02}", history=replace(LEAKING, peak_bytes=number * MI)) for number in range(64)]
    restored = histories_of([written(*pods)], NOW)
    assert all(restored[f"uid-{number}"].containers["app"].told == LEAKING.told for number in (61, 62, 63))


def test_kills_beyond_the_ten_that_are_shown_are_known_too() -> None:
    pods = [a_contribution(f"uid-{n}", a_kill(container_id=f"{n:064x}", at=NOW + n), history=ContainerHistory()) for n in range(40)]
    memory = memory_of(written(*pods))
    assert all(remember(memory, pod.containers[0].kills, pod.pod_name, pod.pod_uid) is memory for pod in pods)


def test_a_kill_that_an_earlier_version_counted_is_known() -> None:
    kill = a_kill()
    digest = json.dumps({"v": 1, "known": ["0123456789abcdef", kill_hash(kill), "no digits", "ab cd ef", "", 7]})
    memory = memory_of(ContainerRecommendation(name="app", oom_kills=2, digest=digest))
    assert remember(memory, (kill,), "web-0", "uid-1").oom_kills == 2
    assert len(memory.known) == 2, "what is no hash is no name"


def test_a_childs_kill_that_waited_for_the_kubelet_when_the_operator_ended_is_told_by_the_next_once() -> None:
    def observe(history: ContainerHistory, now: float) -> KillTransition:
        status = ContainerStatus("app", CONTAINER_ID, 0, "running", started_at_seconds=NOW - 5000)
        row = Container(pod_uid="uid-1", container_id=CONTAINER_ID, cgroup="/x")
        victim = Victim(pod_uid="uid-1", container_id=CONTAINER_ID, ordinal=5)
        fifth = Incident(id="boot-5", time_seconds=NOW, evidence=Evidence.COUNTER, victims=(victim,), victim_count=1)
        pod = a_pod(statuses={"app": status})
        told = tellings_of(pod, Telemetry(now, 1.0, {}, incidents=(fifth,)), {"app": history}, now)
        return observe_kills(history, Observation("app", status, row, 64 * MI, now, 3600, told["app"]))

    before_restart = observe(HISTORY, NOW)
    assert before_restart.new_kills == ()
    earlier = a_kill(container_id="d" * 64)  # of the run before this one
    restored = histories_of([written(a_contribution("uid-1", earlier, history=before_restart.history))], NOW)["uid-1"].containers[
        "app"
    ]
    after_restart = observe(restored, NOW + 3)
    told = observe(after_restart.history, NOW + 3 + CHILD_GRACE_SECONDS)
    assert [(kill.processes, kill.sequence) for kill in told.new_kills] == [(1, 5)]
    assert observe(told.history, NOW + 60).new_kills == ()


def test_a_later_pod_of_the_same_name_inherits_nothing() -> None:
    assert histories_of([written(a_contribution("uid-1", a_kill()))], NOW).keys() == {"uid-1"}


def test_a_workload_of_a_thousand_replicas_keeps_the_killed_and_the_biggest() -> None:
    quiet = [a_contribution(f"quiet-{n}", history=ContainerHistory(peak_bytes=n * MI)) for n in range(1000)]
    killed = a_contribution("killed", a_kill())
    restored = histories_of([written(*quiet, killed)], NOW)
    assert "killed" in restored
    assert "quiet-999" in restored
    assert "quiet-0" not in restored


@given(st.lists(st.integers(0, 2**63 - 1), max_size=80), st.integers(0, 600))
def test_a_digest_always_fits_and_always_comes_back(peaks: list[int], kills: int) -> None:
    pods = [
        a_contribution(f"uid-{n}", history=ContainerHistory(peak_bytes=peak + 1, ended_container_ids=("e" * 64,) * 8))
        for n, peak in enumerate(peaks)
    ]
    memory = ContainerMemory(known=tuple((f"{n:08x}", f"{-n:08x}")[: 1 + n % 2] for n in range(kills)))
    digest = encode_digest("app", pods, memory)
    assert len(digest) <= MAX_DIGEST_LENGTH
    restored = ContainerRecommendation(name="app", digest=digest)
    assert len(histories_of([restored], NOW)) >= min(len(peaks), 3)
    assert set(memory_of(restored).known) <= set(memory.known)
    assert bool(memory_of(restored).known) == bool(kills)


NONSENSE = ["{", "null", "[]", '{"v":2,"pods":[]}', '{"v":"1"}', "[" * 4000, '{"v":' + "9" * 4000 + "}"]


@pytest.mark.parametrize("digest", ["", *NONSENSE])
def test_a_digest_that_makes_no_sense_is_as_good_as_none(digest: str) -> None:
    container = ContainerRecommendation(name="app", oom_kills=3, digest=digest)
    assert histories_of([container], NOW) == {}
    assert learned_of([container], NOW) == {}
    assert memory_of(container) == ContainerMemory(oom_kills=3)


@pytest.mark.parametrize("digest", NONSENSE)
def test_and_that_is_said_in_a_short_sentence_that_names_the_container(digest: str) -> None:
    (problem,) = problems_of([ContainerRecommendation(name="app", digest=digest)])
    assert problem.startswith("container app: its digest ")
    assert len(problem) < 200


def test_of_a_digest_edited_by_hand_what_makes_sense_is_kept() -> None:
    state = seen(60 * MI, 30, until=NOW)
    pods = [a_contribution("uid-1"), a_contribution("uid-2")]
    document = json.loads(encode_digest("app", pods, ContainerMemory(known=(("01234567", "89abcdef"),)), state))
    document["pods"][0]["peak"] = "lots"
    document["names"] += " short"
    document["learned"]["kill"] = {"limit": 5}
    document["later"] = "of a newer version"
    container = ContainerRecommendation(name="app", digest=json.dumps(document))

    assert len(histories_of([container], NOW)) == 1
    assert memory_of(container).known == (("01234567", "89abcdef"),)
    assert learned_of([container], NOW)["app"] == state
    assert problems_of([container]) == [
        "container app: 1 of 2 pods in its digest make no sense",
        "container app: 1 of 2 known kills in its digest make no sense",
        "container app: kill of what was learned makes no sense",
    ]
    document |= {"pods": 7, "names": {}, "known": {}, "learned": []}
    assert histories_of([ContainerRecommendation(name="app", digest=json.dumps(document))], NOW) == {}


def test_names_that_nobody_gave_are_left_out_and_displace_nothing_of_what_is_learned() -> None:
    """Eight quotes look like a name, and take sixteen characters when they are written again."""
    container = ContainerRecommendation(name="app", digest=json.dumps({"v": 1, "names": " ".join(['"' * 8] * 220 + ["01234567"])}))
    memory = memory_of(container)
    assert memory.known == (("01234567",),)
    assert problems_of([container]) == ["container app: 220 of 221 known kills in its digest make no sense"]
    pods = [a_contribution(f"uid-{number}", history=LEAKING) for number in range(30)]
    assert encode_digest("app", pods, memory, seen(60 * MI, 30, until=NOW))


@given(st.text(max_size=200))
def test_no_digest_crashes_the_reader(digest: str) -> None:
    container = ContainerRecommendation(name="app", digest=digest)
    histories_of([container], NOW)
    problems_of([container])


@given(st.data())
def test_no_cut_or_edited_digest_crashes_the_reader(data: st.DataObject) -> None:
    pods = [a_contribution(f"uid-{number}", a_kill(), history=LEAKING) for number in range(3)]
    text = encode_digest("app", pods, ContainerMemory(), seen(60 * MI, 30, until=NOW))
    start = data.draw(st.integers(0, len(text)))
    edited = text[:start] + data.draw(st.text(max_size=5)) + text[data.draw(st.integers(start, len(text))) :]
    container = ContainerRecommendation(name="app", digest=edited[:MAX_DIGEST_LENGTH])
    assert len(histories_of([container], NOW)) <= 3
    learned_of([container], NOW)
    memory_of(container)


def test_records_without_a_time_are_left_out() -> None:
    record = KillRecord(
        time="2026-03-01T10:00:00Z", pod="web-0", container_id=CONTAINER_ID, source=KillEvidence.STATUS, limit="64Mi"
    )
    kill = kill_of(record, "app")
    assert kill is not None
    assert kill.limit_bytes == 64 * MI
    assert kill_of(record.model_copy(update={"time": "yesterday"}), "app") is None
    nonsense = kill_of(record.model_copy(update={"limit": "lots"}), "app")
    assert nonsense is not None
    assert nonsense.limit_bytes is None
