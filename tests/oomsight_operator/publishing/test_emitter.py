"""How Events are sent: once, as a series when they repeat, and not too many."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.oomsight_operator.publishing.builders import Clock, MemoryApi, Stage, a_container, a_kill, a_pod, an_assessment, running

from oomsight_api.names import RiskLevel
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import Owner
from oomsight_operator.kube.errors import ApiError

POD = a_pod()


def events(api: MemoryApi, reason: str = "OOMKilled") -> list[dict[str, Any]]:
    return [document for path, document in api.objects.items() if "/events/" in path and document["reason"] == reason]


def tell_kill(stage: Stage, kill: Kill, *, workload: Owner | None = None, events: str = "Enabled") -> None:
    container = a_container(RiskLevel.HIGH, new_kills=(kill,))
    stage.publisher.offer(stage.api.pod(POD), an_assessment(RiskLevel.HIGH, container, at=stage.clock.now, events=events), workload)


def an_api() -> MemoryApi:
    api = MemoryApi()
    api.add_pod(POD)
    return api


def a_run(number: int, clock: Clock) -> Kill:
    return a_kill(container_id=f"{number:064x}", at=clock.now)


async def test_a_kill_becomes_an_event_of_the_new_api_with_all_it_asks_for() -> None:
    api = an_api()
    async with running(api) as stage:
        tell_kill(stage, a_kill(), workload=Owner("apps/v1", "Deployment", "web", "uid-web"))
        await stage.drain()
    (event,) = events(api)
    assert event["apiVersion"] == "events.k8s.io/v1"
    assert event["eventTime"] == "2025-06-15T15:06:40.000000Z"
    assert event["reportingController"] == "oomsight.dev/operator"
    assert event["reportingInstance"] == "operator-0"
    assert (event["type"], event["action"], event["reason"]) == ("Warning", "Observe", "OOMKilled")
    assert event["regarding"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-0",
        "uid": "uid-1",
        "fieldPath": "spec.containers{app}",
    }
    assert event["related"] == {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web", "uid": "uid-web"}
    assert "series" not in event


async def test_a_crash_loop_is_one_event_whose_series_counts() -> None:
    api = an_api()
    async with running(api) as stage:
        for run in range(5):
            tell_kill(stage, a_run(run, stage.clock))
            await stage.drain()
            stage.clock.advance(40)
    (event,) = events(api)
    assert event["series"] == {"count": 5, "lastObservedTime": "2025-06-15T15:09:20.000000Z"}


async def test_kills_that_came_while_the_api_was_away_are_all_counted() -> None:
    api = an_api()
    api.hold = asyncio.Event()
    async with running(api) as stage:
        for run in range(3):
            tell_kill(stage, a_run(run, stage.clock))
        await api.until(lambda: len(api.requests) > 1)
        tell_kill(stage, a_run(3, stage.clock))
        api.hold.set()
        await stage.drain()
    (event,) = events(api)
    assert event["series"]["count"] == 4


async def test_a_restarted_operator_does_not_tell_a_kill_twice_but_counts_the_next_one() -> None:
    api = an_api()
    clock = Clock()
    async with running(api, clock) as stage:
        tell_kill(stage, a_run(1, clock))
        await stage.drain()
        tell_kill(stage, a_run(2, clock))
        await stage.drain()
    async with running(api, clock) as restarted:
        tell_kill(restarted, a_run(2, clock))
        tell_kill(restarted, a_run(1, clock))
        await restarted.drain()
        assert events(api)[0]["series"]["count"] == 2
        tell_kill(restarted, a_run(3, clock))
        await restarted.drain()
    (event,) = events(api)
    assert event["series"]["count"] == 3


async def test_an_event_that_expired_in_the_api_is_made_anew() -> None:
    api = an_api()
    async with running(api) as stage:
        tell_kill(stage, a_run(1, stage.clock))
        await stage.drain()
        for path in [path for path in api.objects if "/events/" in path]:
            del api.objects[path]
        tell_kill(stage, a_run(2, stage.clock))
        await stage.drain()
    (event,) = events(api)
    assert "series" not in event


async def test_a_pod_gets_a_burst_of_events_and_then_one_per_five_minutes() -> None:
    api = an_api()
    async with running(api, event_burst=25, event_refill_seconds=300.0, write_burst=10_000) as stage:
        for run in range(100):
            tell_kill(stage, a_run(run, stage.clock))
            await stage.drain()
        counted = sum(event.get("series", {}).get("count", 1) for event in events(api)) + len(events(api, "OOMRiskRaised"))
        assert counted == 25
        assert stage.metrics.registry.get_sample_value("oomsight_operator_events_suppressed_total") == 76
        stage.clock.advance(301)
        tell_kill(stage, a_run(1000, stage.clock))
        tell_kill(stage, a_run(1001, stage.clock))
        await stage.drain()
    assert events(api)[0]["series"]["count"] == 25


async def test_a_policy_without_events_gets_none() -> None:
    api = an_api()
    async with running(api) as stage:
        tell_kill(stage, a_kill(), events="Disabled")
        await stage.drain()
    assert not events(api)
    assert not events(api, "OOMRiskRaised")


async def test_a_namespace_that_is_going_away_stops_nothing() -> None:
    api = an_api()
    gone = "unable to create new content in namespace shop because it is being terminated"
    api.failures = [ApiError(403, "Forbidden", gone)] * 4
    async with running(api) as stage:
        tell_kill(stage, a_kill())
        await stage.drain()
    assert not events(api)


class WithoutTheRight(MemoryApi):
    """Refuses Events, as an API server does where the role lacks them."""

    async def request(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        if "/events" in path:
            self.failures = [ApiError(403, "Forbidden", "events is forbidden")]
        return await super().request(method, path, **rest)


async def test_events_that_nobody_may_write_are_forgotten_after_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    api = WithoutTheRight()
    api.add_pod(POD)
    caplog.set_level("INFO")
    async with running(api, event_burst=1000) as stage:
        for hour in range(5):
            tried = len(api.writes("POST", "/events"))
            tell_kill(stage, a_kill(limit_bytes=(hour + 1) << 20, container_id=f"{hour:064x}", at=stage.clock.now))
            await api.until(lambda tried=tried: len(api.writes("POST", "/events")) > tried)  # type: ignore[misc]
            stage.clock.advance(3700)
            await stage.drain()
        assert len(stage.publisher._events) <= 2
    assert not [record for record in caplog.records if record.message == "allowed to write again"]


async def test_events_are_forgotten_with_the_api_servers_own_so_that_memory_stays_bounded() -> None:
    api = an_api()
    async with running(api, event_burst=1000) as stage:
        emitter = stage.publisher._events
        for hour in range(5):
            kill = a_kill(limit_bytes=(hour + 1) << 20, container_id=f"{hour:064x}", at=stage.clock.now)
            tell_kill(stage, kill)
            await stage.drain()
            stage.clock.advance(3700)
        assert len(emitter) == 1
    assert len(events(api)) == 5
