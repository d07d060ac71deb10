"""Objects that others make, delete, or leave behind; time is in the test's hand."""

from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.recommend.scenes import seen
from tests.oomsight_operator.publishing.builders import (
    MI,
    NOW,
    MemoryApi,
    a_kill,
    running,
)
from tests.oomsight_operator.publishing.workloads import PATH, limit_of, say

from oomsight_operator.judgement.model import Owner
from oomsight_operator.judgement.recommend.state import OomKill, on_oom
from oomsight_operator.kube.errors import ApiError


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
