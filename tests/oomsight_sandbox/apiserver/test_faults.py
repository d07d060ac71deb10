"""Faults: each breaks what it says, once, and the server goes on."""

from __future__ import annotations

import aiohttp
import pytest
from tests.oomsight_sandbox.apiserver.conftest import MERGE, PODS, Client, make_pod
from tests.oomsight_sandbox.apiserver.test_watch import WATCH_LIST

from oomsight_sandbox.apiserver import ApiServer, FailureRule


async def test_expired_watches_end_with_410_and_old_versions_are_refused(server: ApiServer, client: Client) -> None:
    old = (await client.post(PODS, make_pod("one")))["metadata"]["resourceVersion"]
    watch = await client.watch(PODS, resourceVersion=old)
    other = await client.watch("/api/v1/nodes")
    await client.post(PODS, make_pod("two"))
    assert await watch.brief(1) == [("ADDED", "two")]
    server.faults.expire_watches("pods")
    event = await watch.next()
    assert event is not None
    assert event["object"]["code"] == 410
    assert await watch.next() is None
    again = await (await client.watch(PODS, resourceVersion=old)).next()
    assert again is not None
    assert again["object"]["reason"] == "Expired"
    with pytest.raises(TimeoutError):
        await other.next(0.05)


async def test_410_can_come_as_an_http_status(server: ApiServer, client: Client) -> None:
    old = (await client.post(PODS, make_pod("one")))["metadata"]["resourceVersion"]
    await client.post(PODS, make_pod("two"))
    server.faults.compact_history("pods")
    server.faults.expire_by_http_status = True
    answer = await client.ask("GET", PODS, params={"watch": "true", "resourceVersion": old})
    assert answer.status == 410


async def test_requests_fail_as_often_as_told(server: ApiServer, client: Client) -> None:
    await client.post(PODS, make_pod())
    rule = server.faults.fail(FailureRule(429, verb="patch", resource="pods", times=2, retry_after_seconds=3))
    body = {"metadata": {"labels": {"a": "b"}}}
    for _ in range(2):
        answer = await client.ask("PATCH", f"{PODS}/web", body, MERGE)
        assert (answer.status, answer.body["reason"], answer.headers["Retry-After"]) == (429, "TooManyRequests", "3")
        assert answer.body["details"]["retryAfterSeconds"] == 3
    assert (await client.ask("GET", f"{PODS}/web")).status == 200
    assert (await client.ask("PATCH", f"{PODS}/web", body, MERGE)).status == 200
    assert rule.failed == 2


async def test_a_connection_can_break_before_or_after_the_write(server: ApiServer, client: Client) -> None:
    server.faults.fail(FailureRule(verb="create", resource="pods", disconnect=True))
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.post(PODS, make_pod("lost"))
    server.faults.fail(FailureRule(verb="create", resource="pods", disconnect=True, after_write=True))
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.post(PODS, make_pod("written"))
    assert [item["metadata"]["name"] for item in (await client.get(PODS))["items"]] == ["written"]


async def test_watch_lists_can_be_refused(server: ApiServer, client: Client) -> None:
    server.faults.refuse_watch_list = True
    answer = await client.ask("GET", PODS, params={"watch": "true", **WATCH_LIST})
    assert answer.status == 422
    server.faults.clear()
    await client.watch(PODS, **WATCH_LIST)


async def test_dropped_connections_are_all_gone_and_new_ones_work(server: ApiServer, client: Client) -> None:
    watch = await client.watch(PODS)
    assert server.faults.drop_connections() >= 1
    with pytest.raises(aiohttp.ClientError):
        await watch.next()
    assert (await client.get(PODS))["items"] == []


async def test_a_restart_keeps_port_objects_and_versions(server: ApiServer, client: Client) -> None:
    made = await client.post(PODS, make_pod("one"))
    url = server.url
    await client.watch(PODS)
    await server.faults.restart()
    assert server.url == url
    watch = await client.watch(PODS, resourceVersion=made["metadata"]["resourceVersion"])
    await client.post(PODS, make_pod("two"))
    assert await watch.brief(1) == [("ADDED", "two")]


async def test_silent_watches_stay_open_and_say_nothing(server: ApiServer, client: Client) -> None:
    watch = await client.watch(PODS)
    server.faults.silence_watches()
    await client.post(PODS, make_pod("one"))
    with pytest.raises(TimeoutError):
        await watch.next(0.05)
    server.faults.clear()
    assert await watch.brief(1) == [("ADDED", "one")]


async def test_latency_delays_requests(server: ApiServer, client: Client) -> None:
    server.faults.latency_seconds = 5.0
    with pytest.raises(TimeoutError):
        await client.ask("GET", PODS, timeout=aiohttp.ClientTimeout(total=0.1))
    server.faults.clear()
    assert (await client.ask("GET", PODS)).status == 200
