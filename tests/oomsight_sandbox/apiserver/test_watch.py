"""Watches over HTTP: what a client sees, from which version on, and when it is told to list anew."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from tests.oomsight_sandbox.apiserver.conftest import MERGE, PODS, Client, make_pod, until

from oomsight_sandbox.apiserver import ApiServer
from oomsight_sandbox.apiserver.lifecycle import PODS as POD_STORAGE

WATCH_LIST = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}


async def test_a_watch_from_a_list_sees_what_came_after_it(client: Client) -> None:
    await client.post(PODS, make_pod("before"))
    version = (await client.get(PODS))["metadata"]["resourceVersion"]
    watch = await client.watch(PODS, resourceVersion=version)
    await client.post(PODS, make_pod("after"))
    await client.merge(f"{PODS}/after", {"metadata": {"labels": {"a": "b"}}})
    await client.ask("DELETE", f"{PODS}/after")
    assert await watch.brief(3) == [("ADDED", "after"), ("MODIFIED", "after"), ("DELETED", "after")]


@pytest.mark.parametrize("version", [{}, {"resourceVersion": "0"}, {"resourceVersion": ""}])
async def test_a_watch_without_a_version_begins_with_what_is_there(client: Client, version: dict[str, str]) -> None:
    await client.post(PODS, make_pod("one"))
    watch = await client.watch(PODS, **version)
    await client.post(PODS, make_pod("two"))
    assert await watch.brief(2) == [("ADDED", "one"), ("ADDED", "two")]


async def test_nothing_is_missed_between_two_watches(client: Client) -> None:
    watch = await client.watch(PODS)
    await client.post(PODS, make_pod("one"))
    event = await watch.next()
    assert event is not None
    watch.response.close()
    await client.post(PODS, make_pod("two"))
    again = await client.watch(PODS, resourceVersion=event["object"]["metadata"]["resourceVersion"])
    assert await again.brief(1) == [("ADDED", "two")]


async def test_objects_that_start_or_stop_matching_are_added_or_deleted(client: Client) -> None:
    await client.post(PODS, make_pod("web", app="x"))
    watch = await client.watch(PODS, labelSelector="app=web")
    await client.merge(f"{PODS}/web", {"metadata": {"labels": {"app": "web"}}})
    await client.merge(f"{PODS}/web", {"metadata": {"labels": {"other": "1"}}})
    await client.merge(f"{PODS}/web", {"metadata": {"labels": {"app": "x"}}})
    await client.ask("DELETE", f"{PODS}/web")
    await client.post(PODS, make_pod("last", app="web"))
    events: list[Any] = [await watch.next() for _ in range(4)]
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("ADDED", "web"),
        ("MODIFIED", "web"),
        ("DELETED", "web"),
        ("ADDED", "last"),
    ]
    left = events[2]["object"]["metadata"]
    assert left["labels"]["app"] == "web", "the last state that matched"
    assert int(left["resourceVersion"]) > int(events[1]["object"]["metadata"]["resourceVersion"])


async def test_field_selectors_follow_a_pod_to_its_node(client: Client) -> None:
    await client.post(PODS, make_pod())
    watch = await client.watch("/api/v1/pods", fieldSelector="spec.nodeName=node-a")
    await client.ask("POST", f"{PODS}/web/binding", {"target": {"name": "node-a"}})
    assert await watch.brief(1) == [("ADDED", "web")]


async def test_a_watch_list_ends_its_initial_events_with_an_annotated_bookmark(client: Client) -> None:
    await client.post(PODS, make_pod("one"))
    watch = await client.watch(PODS, **WATCH_LIST)
    assert await watch.brief(1) == [("ADDED", "one")]
    bookmark = await watch.next()
    assert bookmark is not None
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["kind"] == "Pod"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await client.post(PODS, make_pod("two"))
    assert await watch.brief(1) == [("ADDED", "two")]


@pytest.mark.parametrize(
    "query",
    [
        {"sendInitialEvents": "true"},
        {"resourceVersionMatch": "NotOlderThan"},
        {"sendInitialEvents": "true", "resourceVersionMatch": "Exact"},
    ],
)
async def test_a_watch_list_asked_for_wrongly_is_invalid(client: Client, query: dict[str, str]) -> None:
    answer = await client.ask("GET", PODS, params={"watch": "true", **query})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")


async def test_a_watch_ends_after_its_time_with_a_bookmark(client: Client) -> None:
    await client.post(PODS, make_pod("one"))
    watch = await client.watch(PODS, timeoutSeconds="1", allowWatchBookmarks="true")
    assert await watch.brief(2) == [("ADDED", "one"), ("BOOKMARK", "")]
    assert await watch.next() is None


async def test_bookmarks_carry_quiet_watches_along() -> None:
    async with ApiServer(bookmark_seconds=0.05) as server, Client(server, aiohttp.ClientSession()) as client:
        watch = await client.watch(PODS, allowWatchBookmarks="true")
        await client.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "elsewhere"}})
        while True:
            event = await watch.next()
            assert event is not None
            assert event["type"] == "BOOKMARK"
            if int(event["object"]["metadata"]["resourceVersion"]) == server.store.resource_version:
                return


async def test_a_version_older_than_the_history_is_an_error_event(server: ApiServer, client: Client) -> None:
    old = (await client.post(PODS, make_pod("one")))["metadata"]["resourceVersion"]
    await client.post(PODS, make_pod("two"))
    server.store.compact(POD_STORAGE)
    watch = await client.watch(PODS, resourceVersion=old)
    event = await watch.next()
    assert event is not None
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert await watch.next() is None


async def test_a_reader_that_falls_out_of_the_history_is_told(server: ApiServer) -> None:
    async with ApiServer(history_limit=50) as small, Client(small, aiohttp.ClientSession()) as client:
        small.faults.silence_watches()
        watch = await client.watch(PODS)
        for number in range(120):
            await client.post(PODS, make_pod(f"p{number}"))
        small.faults.silence_watches(False)
        event = await watch.next()
        assert event is not None
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


async def test_a_watch_of_one_object_by_its_path(client: Client) -> None:
    await client.post(PODS, make_pod("one"))
    await client.post(PODS, make_pod("two"))
    watch = await client.watch(f"{PODS}/two")
    assert await watch.brief(1) == [("ADDED", "two")]


async def test_tables_are_streamed_with_their_columns_once(client: Client) -> None:
    await client.post(PODS, make_pod("one"))
    await client.post(PODS, make_pod("two"))
    watch = await client.open_watch(PODS, {}, {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    first, second = await watch.next(), await watch.next()
    assert first is not None
    assert second is not None
    assert [len(first["object"]["columnDefinitions"]), len(second["object"]["columnDefinitions"])] == [9, 0]
    assert first["object"]["rows"][0]["cells"][:3] == ["one", "0/1", "Pending"]


async def test_a_watch_ends_when_its_client_goes(server: ApiServer, client: Client) -> None:
    watch = await client.watch(PODS)
    assert server.hub.open_watches(POD_STORAGE) == 1
    watch.response.close()
    await until(lambda: server.hub.open_watches() == 0)


async def test_a_reader_that_takes_nothing_is_cut_off(server: ApiServer, client: Client) -> None:
    server.hub.write_timeout_seconds = 0.1
    path = "/api/v1/namespaces/default/configmaps"
    _, writer = await asyncio.open_connection(server.host, server.port, limit=1024)
    writer.write(f"GET {path}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await until(lambda: server.hub.open_watches() == 1)
    await client.post(path, {"metadata": {"name": "big"}, "data": {"a": "x" * 1_000_000}})
    for number in range(30):
        await client.merge(f"{path}/big", {"data": {"b": str(number)}})
    await until(lambda: server.hub.open_watches() == 0)
    writer.close()


async def test_many_changes_reach_every_watcher_in_order(client: Client) -> None:
    await client.post(PODS, make_pod())
    watches = [await client.watch(PODS, resourceVersion="0") for _ in range(5)]
    for number in range(100):
        await client.merge(f"{PODS}/web", {"metadata": {"annotations": {"n": str(number)}}})
    for watch in watches:
        seen: list[str | None] = []
        while not seen or seen[-1] != "99":
            event = await watch.next()
            assert event is not None
            seen.append(event["object"]["metadata"].get("annotations", {}).get("n"))
        assert seen == [None, *map(str, range(100))]


async def test_a_patch_wakes_only_watches_of_its_resource(server: ApiServer, client: Client) -> None:
    events = await client.watch("/api/v1/events")
    await client.post(PODS, make_pod())
    assert (await client.ask("PATCH", f"{PODS}/web", {"metadata": {"labels": {"a": "b"}}}, MERGE)).status == 200
    with pytest.raises(TimeoutError):
        await events.next(0.05)
