"""What the API server refuses, and what a storm or another tenant brings: nothing is lost, nothing takes the write budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.oomsight_operator.judgement.recommend.scenes import seen
from tests.oomsight_operator.publishing.builders import (
    MI,
    MemoryApi,
    Request,
    a_kill,
    running,
)
from tests.oomsight_operator.publishing.workloads import PATH, limit_of, say, status_writes

from oomsight_operator.judgement.model import Owner
from oomsight_operator.kube.errors import ApiError


@dataclass
class RefusingApi(MemoryApi):
    """Refuses one method with one status."""

    method: str = "POST"
    status: int = 404
    message: str = "the server could not find the requested resource"

    async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        if method != self.method or not self.status:
            return await super().request(method, path, **more)
        self.requests.append(Request(method, path, None, ""))
        raise ApiError(self.status, "Refused", self.message)


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize(
    ("method", "status", "message"),
    [
        ("POST", 404, "the server could not find the requested resource"),
        ("POST", 403, 'namespace "shop" is being terminated'),
        ("POST", 422, "spec.targetRef is invalid"),
        ("PATCH", 422, "status.containers is invalid"),
    ],
)
async def test_what_is_refused_for_good_is_tried_again_at_the_interval_and_not_at_each_judgement(
    killed: bool, method: str, status: int, message: str
) -> None:
    api = RefusingApi(method=method, status=status, message=message)
    async with running(api, recommendation_interval_seconds=600.0) as stage:
        say(stage, kills=(a_kill(),) if killed else ())
        for step in range(119):
            await stage.drain()
            stage.clock.advance(5)
            say(stage, learned=seen((20 + step) * MI, 30, until=stage.clock.now))
        await stage.drain()
        assert len([each for each in api.requests if each.method == method]) == 1
        api.status = 0
        stage.clock.advance(10)
        await stage.drain()
    assert api.objects[PATH]["status"]["containers"][0].get("oomKills", 0) == killed
    assert limit_of(api) == "128Mi"


async def test_a_fault_of_ours_while_a_kill_is_written_does_not_make_it_forgotten() -> None:
    class Faulty(MemoryApi):
        fault = True

        async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
            if method == "PATCH" and self.fault:
                self.fault = False
                raise ZeroDivisionError
            return await super().request(method, path, **more)

    api = Faulty()
    async with running(api) as stage:
        say(stage, kills=(a_kill(),))
        await stage.drain()
        assert not status_writes(api)
        say(stage)
        await stage.drain()
    assert api.objects[PATH]["status"]["containers"][0]["oomKills"] == 1


async def test_while_nothing_can_be_written_pods_that_are_gone_take_no_memory_and_none_of_their_kills_is_lost() -> None:
    api, cron_job = RefusingApi(status=403, message="no"), Owner("batch/v1", "CronJob", "report", "uid-report")
    async with running(api) as stage:
        for run in range(200):
            say(stage, f"{run}", workload=cron_job, kills=(a_kill(container_id=f"{run:064x}", at=stage.clock.now),))
            stage.publisher.forget(f"{run}")
            stage.clock.advance(60)
        (record,) = stage.publisher._recommendations._records.values()
        assert len(record.contributions) <= 64
        api.status = 0
        stage.clock.advance(600)
        await stage.drain()
    (document,) = api.objects.values()
    assert document["status"]["containers"][0]["oomKills"] == 200


async def test_a_storm_of_kills_of_one_workload_does_not_take_the_write_budget() -> None:
    api = MemoryApi()
    async with running(api) as stage:
        for number in range(50):
            say(stage, f"{number % 5}", kills=(a_kill(container_id=f"{number:064x}", at=stage.clock.now),))
            await stage.drain()
            stage.clock.advance(0.2)
        assert len(status_writes(api)) <= 10, "five at once, and ten seconds"
        stage.clock.advance(2)
        await stage.drain()
    assert api.objects[PATH]["status"]["containers"][0]["oomKills"] == 50


@pytest.mark.parametrize("first", ["shop", "tenant"])
async def test_a_pod_that_claims_another_namespaces_workload_as_its_owner_says_nothing_of_it(first: str) -> None:
    api = MemoryApi()
    async with running(api) as stage:
        for namespace in (first, "tenant" if first == "shop" else "shop"):
            limit_mi = 128 if namespace == "shop" else 4096
            say(stage, f"of-{namespace}", namespace=namespace, limit_mi=limit_mi, kills=() if namespace == "shop" else (a_kill(),))
        await stage.drain()
    assert limit_of(api) == "128Mi"
    assert api.objects[PATH]["status"]["containers"][0].get("oomKills", 0) == 0
