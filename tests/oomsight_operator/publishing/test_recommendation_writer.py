"""When MemoryRecommendations are written, and how they come back; time is in the test's hand."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.recommend.scenes import seen
from tests.oomsight_operator.publishing.builders import (
    MI,
    MemoryApi,
    a_kill,
    a_pod,
    running,
)
from tests.oomsight_operator.publishing.workloads import PATH, limit_of, say, status_writes

from oomsight_operator.judgement.model import Owner
from oomsight_operator.kube.errors import ApiError


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


async def test_a_cron_jobs_run_is_kept_when_its_pod_has_ended() -> None:
    api, cron_job = MemoryApi(), Owner("batch/v1", "CronJob", "report", "uid-report")
    async with running(api) as stage:
        say(stage, limit_mi=None, workload=cron_job, learned=seen(20 * MI, 0.2))
        await stage.drain()
        assert api.requests == []
        say(stage, limit_mi=None, workload=cron_job, learned=seen(20 * MI, 0.2), phase="Succeeded")
        await stage.drain()
    assert len(api.objects) == 1


async def test_a_cron_job_that_runs_all_the_time_is_written_no_more_often_than_others() -> None:
    api, cron_job = MemoryApi(), Owner("batch/v1", "CronJob", "report", "uid-report")
    async with running(api) as stage:
        for run in range(24 * 12):
            learned = seen(20 * MI, 30 + run / 12, until=stage.clock.now)
            say(stage, f"{run}", workload=cron_job, learned=learned)
            await stage.drain()
            stage.publisher.forget(f"{run}")
            await stage.drain()
            stage.clock.advance(300)
    assert 3 <= len(status_writes(api)) <= 6


async def test_what_is_not_kept_of_a_workload_without_pods_is_written_before_it_is_forgotten() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        say(stage, "a", learned=seen(20 * MI, 30))
        await stage.drain()
        stage.clock.advance(900)
        say(stage, "a", learned=seen(20 * MI, 31, until=stage.clock.now))
        stage.publisher.forget("a")
        await stage.drain()
        assert len(status_writes(api)) == 1
        for _ in range(2):
            stage.clock.advance(3700)
            say(stage, "other", limit_mi=None, workload=Owner("apps/v1", "Deployment", "other", "uid-other"))
            await stage.drain()
        assert len(status_writes(api)) == 2
        assert status_writes(api)[-1]["conditions"][0]["status"] == "True", "a policy would select its pods"
        assert len(stage.publisher._recommendations) == 1


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
