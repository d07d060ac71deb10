"""When MemoryRecommendations are written, and how they come back; time is in the test's hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.oomsight_operator.judgement.recommend.scenes import seen
from tests.oomsight_operator.publishing.builders import (
    MI,
    NOW,
    Clock,
    MemoryApi,
    Stage,
    a_container,
    a_kill,
    a_pod,
    a_recommendation,
    an_assessment,
    running,
)

from oomsight_api.names import RiskLevel
from oomsight_api.policy import RecommendationSpec
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import ContainerHistory, Owner, PodHistory
from oomsight_operator.judgement.recommend.state import OomKill, State, on_oom
from oomsight_operator.kube.errors import ApiError

WEB = Owner("apps/v1", "Deployment", "web", "uid-web")
PATH = "/apis/oomsight.dev/v1alpha1/namespaces/shop/memoryrecommendations/deployment-web"


def say(
    stage: Stage,
    uid: str = "uid-1",
    *,
    limit_mi: int | None = 128,
    kills: tuple[Kill, ...] = (),
    workload: Owner | None = WEB,
    peak_mi: int = 10,
    learned: State | None = None,
    mode: str = "Always",
) -> None:
    """A replica is judged: what it recommends, its new kills, and what was learned of its workload."""
    pod = a_pod(uid=uid, name=f"web-{uid}")
    recommendation = a_recommendation(limit_mi) if limit_mi else None
    container = a_container(RiskLevel.LOW, recommendation=recommendation, new_kills=kills, learned=learned)
    history = PodHistory({"app": ContainerHistory(level=RiskLevel.LOW, peak_bytes=peak_mi * MI)})
    assessment = an_assessment(RiskLevel.LOW, container, pod_uid=uid, annotations="None", events="Disabled")
    rules = assessment.policy.rules.model_copy(update={"recommendation": RecommendationSpec.model_validate({"mode": mode})})
    assessment = replace(assessment, policy=replace(assessment.policy, rules=rules))
    stage.publisher.offer(pod, assessment, workload, history)


def status_writes(api: MemoryApi) -> list[dict[str, Any]]:
    return [each.body["status"] for each in api.writes("PATCH", "/status")]


def limit_of(api: MemoryApi) -> str:
    limit = api.objects[PATH]["status"]["containers"][0]["recommendedLimit"]
    assert isinstance(limit, str)
    return limit


async def test_a_kill_makes_an_object_owned_by_the_workload_at_once() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
    document = api.objects[PATH]
    assert document["metadata"]["ownerReferences"] == [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "uid-web"}
    ]
    assert document["spec"] == {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    assert document["status"]["summary"]["oomKills"] == 1
    assert document["status"]["containers"][0]["recommendedLimit"] == "128Mi"
    assert document["status"]["containers"][0]["kills"][0]["podUID"] == "uid-1"


async def test_pods_of_which_nothing_is_known_make_no_object() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, limit_mi=None)
        stage.clock.advance(3 * 3600)
        say(stage, limit_mi=None)
        await stage.drain()
    assert api.requests == []


async def test_a_workload_without_recommendation_gets_an_object_within_two_hours_that_says_why() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, limit_mi=None, learned=seen(20 * MI, 0.5), mode="OnOOMKill")
        await stage.drain()
        assert api.requests == []
        stage.clock.advance(2 * 3600)
        say(stage, limit_mi=None, learned=seen(20 * MI, 2.5), mode="OnOOMKill")
        await stage.drain()
    document = api.objects[PATH]
    assert document["metadata"]["ownerReferences"][0]["uid"] == "uid-web"
    (condition,) = document["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("RecommendationProvided", "False", "NoEvidence")
    assert "Mode Always recommends" in condition["message"]
    assert "recommendedLimit" not in document["status"]["summary"]
    assert document["status"]["containers"][0]["digest"]


@pytest.mark.parametrize(
    "workload", [None, Owner("batch/v1", "Job", "import", "uid-job"), Owner("argoproj.io/v1alpha1", "Workflow", "run", "uid-run")]
)
async def test_what_may_be_short_lived_gets_an_object_after_hours_of_samples(workload: Owner | None) -> None:
    api = MemoryApi()
    async with running(api) as stage:
        for _ in range(3):
            say(stage, limit_mi=None, workload=workload, learned=seen(20 * MI, 1))
            stage.clock.advance(3600)
        await stage.drain()
        assert api.requests == []
        say(stage, limit_mi=None, workload=workload, learned=seen(20 * MI, 4))
        await stage.drain()
    assert len(api.objects) == 1


async def test_with_recommendation_off_nothing_is_kept_but_kills() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        for _ in range(3):
            say(stage, limit_mi=None, learned=seen(20 * MI, 30), mode="Off")
            stage.clock.advance(3600)
        await stage.drain()
        assert api.requests == []
        say(stage, limit_mi=None, kills=(a_kill(),), learned=seen(20 * MI, 30), mode="Off")
        await stage.drain()
    assert api.objects[PATH]["status"]["conditions"][0]["reason"] == "ModeOff"


async def test_a_cron_jobs_run_is_kept_when_its_pod_is_gone() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, limit_mi=None, workload=Owner("batch/v1", "CronJob", "report", "uid-report"), learned=seen(20 * MI, 0.2))
        stage.publisher.forget("uid-1")
        await stage.drain()
    (document,) = api.objects.values()
    assert document["metadata"]["name"] == "cronjob-report"
    assert document["status"]["conditions"][0]["reason"] == "NoEvidence", "a policy selects it"


async def test_a_bare_pod_owns_its_own_recommendation() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, workload=None)
        await stage.drain()
    (document,) = api.objects.values()
    assert document["metadata"]["name"] == "pod-web-uid-1"
    assert document["metadata"]["ownerReferences"] == [{"apiVersion": "v1", "kind": "Pod", "name": "web-uid-1", "uid": "uid-1"}]


async def test_changes_wait_for_the_interval_and_kills_do_not() -> None:
    api = MemoryApi()
    async with running(api, recommendation_interval_seconds=600.0) as stage:
        say(stage, limit_mi=128)
        await stage.drain()
        for limit in (130, 140, 150):
            say(stage, limit_mi=limit)
            stage.clock.advance(100)
            await stage.drain()
        assert limit_of(api) == "128Mi"
        stage.clock.advance(300)
        await stage.drain()
        assert limit_of(api) == "150Mi"
        say(stage, limit_mi=256, kills=(a_kill(),))
        say(stage, limit_mi=256)
        await stage.drain()
    assert limit_of(api) == "256Mi"
    assert len(status_writes(api)) == 3


async def test_nothing_is_written_while_only_peaks_move_but_they_are_kept_once_an_hour() -> None:
    api = MemoryApi()
    async with running(api, digest_interval_seconds=3600.0) as stage:
        for minute in range(80):
            say(stage, peak_mi=10 + minute)
            await stage.drain()
            stage.clock.advance(60)
        assert len(status_writes(api)) == 2
        assert str(10 * MI) not in api.objects[PATH]["status"]["containers"][0]["digest"]


async def test_a_restarted_operator_goes_on_and_writes_nothing_that_is_known() -> None:
    api, clock = MemoryApi(), Clock()
    async with running(api, clock) as stage:
        say(stage, "a", limit_mi=256, kills=(a_kill(),))
        await stage.drain()
    async with running(api, clock) as restarted:
        document = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", **api.objects[PATH]}
        histories = restarted.publisher.restore([document]).histories
        assert histories["a"].containers["app"].kills == (a_kill(),)
        assert histories["a"].containers["app"].peak_bytes == 10 * MI
        say(restarted, "b", limit_mi=128)
        await restarted.drain()
        assert limit_of(api) == "256Mi", "the worst replica was not judged yet"
        say(restarted, "a", limit_mi=256, kills=(a_kill(),))
        clock.advance(600)
        await restarted.drain()
    assert len(status_writes(api)) == 1


async def test_a_kill_after_the_restart_is_added_to_those_before() -> None:
    api, clock = MemoryApi(), Clock()
    async with running(api, clock) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
    async with running(api, clock) as restarted:
        restarted.publisher.restore([{"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", **api.objects[PATH]}])
        say(restarted, kills=(a_kill(container_id="f" * 64, at=NOW + 60),))
        await restarted.drain()
    assert api.objects[PATH]["status"]["summary"]["oomKills"] == 2


async def test_an_operator_that_was_not_told_of_the_object_goes_on_from_it_all_the_same() -> None:
    api, clock = MemoryApi(), Clock()
    async with running(api, clock) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
    async with running(api, clock) as restarted:
        say(restarted, kills=(a_kill(), a_kill(container_id="f" * 64)))
        await restarted.drain()
    assert api.objects[PATH]["status"]["summary"]["oomKills"] == 2
    assert api.objects[PATH]["status"]["containers"][0]["oomKills"] == 2


async def test_an_object_that_somebody_deleted_is_made_anew_with_the_history() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
        del api.objects[PATH]
        say(stage, kills=(a_kill(container_id="f" * 64),))
        await stage.drain()
    assert api.objects[PATH]["status"]["summary"]["oomKills"] == 2


async def test_a_workload_made_anew_under_its_name_starts_from_nothing() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
        del api.objects[PATH]  # collected with its owner
        say(stage, "b", workload=Owner("apps/v1", "Deployment", "web", "uid-of-the-new-web"))
        await stage.drain()
    document = api.objects[PATH]
    assert document["metadata"]["ownerReferences"][0]["uid"] == "uid-of-the-new-web"
    assert document["status"]["summary"]["oomKills"] == 0


async def test_the_object_of_a_predecessor_is_left_to_the_garbage_collector() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, "old", kills=(a_kill(),))
        await stage.drain()
        before = api.objects[PATH]
        say(stage, "new", limit_mi=300, workload=Owner("apps/v1", "Deployment", "web", "uid-of-the-new-web"))
        await api.until(lambda: api.requests[-1].method == "GET")
        assert not await stage.publisher.drain(0.0)
        assert api.objects[PATH] == before, "it is not written over"
        del api.objects[PATH]
        stage.clock.advance(120)
        await stage.drain()
    assert limit_of(api) == "300Mi"
    assert api.objects[PATH]["metadata"]["ownerReferences"][0]["uid"] == "uid-of-the-new-web"


async def test_a_kill_is_not_lost_when_its_predecessors_object_is_collected_between_two_looks() -> None:
    taken, gone = ApiError(409, "AlreadyExists", "already exists"), ApiError(404, "NotFound", "not found")
    api = MemoryApi(failures=[taken, gone])
    async with running(api) as stage:
        say(stage, kills=(a_kill(),))
        await api.until(lambda: len(api.requests) == 2)
        stage.clock.advance(60)
        await stage.drain()
    assert api.objects[PATH]["status"]["containers"][0]["oomKills"] == 1


async def test_what_a_pod_said_before_it_was_deleted_is_still_written() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, limit_mi=512, kills=(a_kill(),))
        stage.publisher.forget("uid-1")
        await stage.drain()
        assert limit_of(api) == "512Mi"
        assert api.objects[PATH]["status"]["conditions"][0]["status"] == "True"
        say(stage, "b", limit_mi=128)
        stage.clock.advance(600)
        await stage.drain()
    assert limit_of(api) == "128Mi", "a pod that is gone does not speak for ever"


async def test_the_recommendation_says_so_when_no_policy_selects_the_workload_any_more() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
        stage.publisher.withdraw(a_pod(name="web-uid-1"))
        stage.clock.advance(600)
        await stage.drain()
    status = api.objects[PATH]["status"]
    assert status["conditions"][0]["reason"] == "NoPolicy"
    assert "policy" not in status
    assert status["containers"][0]["oomKills"] == 1


async def test_bare_pods_that_are_gone_leave_no_memory() -> None:
    async with running(MemoryApi(), write_burst=10_000) as stage:
        for number in range(50):
            say(stage, f"{number}", workload=None, kills=(a_kill(),))
            await stage.drain()
            stage.publisher.forget(f"{number}")
        assert len(stage.publisher._recommendations) == 0
        say(stage, "kept")
        stage.publisher.forget("kept")
        assert len(stage.publisher._recommendations) == 1, "a Deployment gets other pods"


async def test_a_pod_whose_deployment_is_known_late_no_longer_speaks_for_its_replicaset() -> None:
    async with running(MemoryApi()) as stage:
        say(stage, kills=(a_kill(),), workload=Owner("apps/v1", "ReplicaSet", "web-5d", "uid-web-5d"))
        await stage.drain()
        say(stage, kills=(a_kill(),))
        await stage.drain()
        stage.clock.advance(3600)
        stage.publisher.forget("uid-1")
        assert len(stage.publisher._recommendations) == 1


async def test_workloads_that_are_gone_leave_no_memory_but_one_that_comes_back_goes_on() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        for number in range(20):
            workload = Owner("argoproj.io/v1alpha1", "Workflow", f"run-{number}", f"uid-run-{number}")
            say(stage, f"{number}", workload=workload, kills=(a_kill(),))
            await stage.drain()
            stage.publisher.forget(f"{number}")
        say(stage, "a", kills=(a_kill(),))
        await stage.drain()
        stage.clock.advance(3600)
        stage.publisher.forget("a")
        assert len(stage.publisher._recommendations) == 1
        say(stage, "b", kills=(a_kill(container_id="e" * 64),))
        await stage.drain()
    assert api.objects[PATH]["status"]["containers"][0]["oomKills"] == 2


async def test_a_jobs_kill_that_could_not_be_written_at_once_is_not_lost_when_its_next_pod_is_killed() -> None:
    api = MemoryApi(failures=[ApiError(503, "ServiceUnavailable", "busy")])
    job = Owner("batch/v1", "Job", "import", "uid-job")
    async with running(api) as stage:
        say(stage, "first", workload=job, kills=(a_kill(),))
        await api.until(lambda: len(api.requests) == 1)
        stage.publisher.forget("first")
        say(stage, "second", workload=job, kills=(a_kill(container_id="e" * 64),))
        stage.clock.advance(60)
        await stage.drain()
    path = "/apis/oomsight.dev/v1alpha1/namespaces/shop/memoryrecommendations/job-import"
    assert api.objects[path]["status"]["containers"][0]["oomKills"] == 2


async def test_without_the_crd_it_says_so_once_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    api = MemoryApi(failures=[ApiError(404, "NotFound", "the server could not find the requested resource")] * 2)
    async with running(api) as stage:
        say(stage, "a", kills=(a_kill(),))
        await stage.drain()
        say(stage, "b", workload=None, kills=(a_kill(),))
        await stage.drain()
    assert [record.message for record in caplog.records] == [
        "recommendations cannot be kept, is their CRD installed? the server could not find the requested resource"
    ]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", "metadata": "x"},
        {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", "metadata": {"name": "a"}, "status": 7},
    ],
)
async def test_objects_that_make_no_sense_are_counted_and_left_out(document: dict[str, Any]) -> None:
    async with running(MemoryApi()) as stage:
        assert stage.publisher.restore([document]).histories == {}
        assert stage.metrics.registry.get_sample_value("oomsight_operator_malformed_total", {"source": "recommendation"}) == 1


async def test_an_object_without_an_owner_is_not_taken_over() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
        document = {"apiVersion": "oomsight.dev/v1alpha1", "kind": "MemoryRecommendation", **api.objects[PATH]}
        document["metadata"] = {**document["metadata"], "ownerReferences": [{"kind": 1}, None]}
        assert stage.publisher.restore([document]).histories == {}


async def test_a_calm_workload_is_written_a_few_times_a_day_and_a_new_peak_within_ten_minutes() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        for step in range(24 * 12):
            say(stage, learned=seen(20 * MI, 30 + step / 12, until=stage.clock.now))
            await stage.drain()
            stage.clock.advance(300)
        assert 3 <= len(status_writes(api)) <= 5
        before = len(status_writes(api))
        for peak in range(21, 25):
            say(stage, learned=seen(peak * MI, 60, until=stage.clock.now))
            await stage.drain()
            stage.clock.advance(150)
        await stage.drain()
        assert before + 1 <= len(status_writes(api)) <= before + 2, "not each of them"
    assert str(24 * MI) in api.objects[PATH]["status"]["containers"][0]["digest"]


async def test_without_a_new_sample_nothing_is_written() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        known = seen(20 * MI, 30)
        for _ in range(48):
            say(stage, learned=known)
            await stage.drain()
            stage.clock.advance(1800)
    assert len(status_writes(api)) == 1


async def test_an_operator_that_ends_keeps_what_it_learned_the_worst_first() -> None:
    api = MemoryApi()
    workloads = {name: Owner("apps/v1", "Deployment", name, f"uid-{name}") for name in ("calm", "risen", "young")}
    async with running(api, concurrent_writes=1) as stage:
        for name in ("calm", "risen"):
            say(stage, name, workload=workloads[name], learned=seen(20 * MI, 30))
        await stage.drain()
        stage.clock.advance(60)
        say(stage, "young", workload=workloads["young"], limit_mi=None, learned=seen(20 * MI, 0.5))
        say(stage, "calm", workload=workloads["calm"], learned=seen(20 * MI, 31, until=NOW + 60))
        say(stage, "risen", workload=workloads["risen"], learned=seen(30 * MI, 31, until=NOW + 60))
        await stage.drain()
        assert len(status_writes(api)) == 2
        stage.publisher.flush()
        await stage.drain()
    assert [each.path.split("/")[-2] for each in api.writes("PATCH", "/status")][2:] == [
        "deployment-risen",
        "deployment-young",
        "deployment-calm",
    ]


async def test_an_operator_that_ends_makes_nothing_for_what_no_policy_selects() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, limit_mi=None, learned=seen(20 * MI, 0.5))
        stage.publisher.withdraw(a_pod(name="web-uid-1"))
        stage.publisher.flush()
        await stage.drain()
    assert api.requests == []


async def test_a_workload_that_comes_back_is_recalled_from_its_object_and_told_to_the_judgement() -> None:
    api, told = MemoryApi(), dict[str, tuple[int, tuple[str, ...]]]()

    def recalled(uid: str, learned: Mapping[str, State], pods: Iterable[str]) -> None:
        track = learned["app"].unreclaimable
        assert track is not None
        told[uid] = (track.peak_bytes, tuple(pods))

    async with running(api) as stage:
        say(stage, "first", learned=seen(50 * MI, 30, until=NOW))
        await stage.drain()
        stage.publisher.forget("first")
        stage.clock.advance(7 * 86400)
        say(stage, "other", workload=None, kills=(a_kill(),))
        stage.publisher.forget("other")  # meanwhile others rest
        await stage.drain()
        assert len(stage.publisher._recommendations) <= 1
        before = len(status_writes(api))
        stage.publisher.follow_recalled(recalled)
        say(stage, "second", limit_mi=None, learned=seen(20 * MI, 0.1, until=stage.clock.now))
        await stage.drain()
        assert told == {"uid-web": (50 * MI, ("second",))}
        assert len(status_writes(api)) == before, "it says what stands there already"
    assert limit_of(api) == "128Mi"


async def test_a_workload_whose_object_is_gone_with_its_pods_is_not_made_anew() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, learned=seen(20 * MI, 30))
        await stage.drain()
        say(stage, learned=seen(30 * MI, 30))
        stage.publisher.forget("uid-1")
        del api.objects[PATH]  # its Deployment was deleted
        stage.clock.advance(600)
        await stage.drain()
        assert api.objects == {}
        assert len(stage.publisher._recommendations) == 0


async def test_an_object_deleted_by_hand_comes_back_with_all_that_was_learned() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, learned=on_oom(seen(20 * MI, 30), [OomKill(64 * MI, NOW)]))
        await stage.drain()
        before = api.objects.pop(PATH)
        stage.clock.advance(8 * 3600)
        say(stage, learned=on_oom(seen(20 * MI, 31, until=NOW + 3600), [OomKill(64 * MI, NOW)]))
        await stage.drain()
    digest = api.objects[PATH]["status"]["containers"][0]["digest"]
    assert f'"kill":[{64 * MI}' in digest
    assert f'"kill":[{64 * MI}' in before["status"]["containers"][0]["digest"]


async def test_a_predecessor_gives_its_name_up_to_the_workload_made_anew() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, "old", learned=seen(20 * MI, 30))
        await stage.drain()
        say(stage, "old", learned=seen(30 * MI, 30))
        stage.publisher.forget("old")
        del api.objects[PATH]
        say(stage, "new", limit_mi=300, workload=Owner("apps/v1", "Deployment", "web", "uid-of-the-new-web"))
        await stage.drain()
        stage.clock.advance(600)
        await stage.drain()
        assert len(stage.publisher._recommendations) == 1
    assert api.objects[PATH]["metadata"]["ownerReferences"][0]["uid"] == "uid-of-the-new-web"
    assert limit_of(api) == "300Mi"
