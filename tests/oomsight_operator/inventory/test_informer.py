from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from tests.oomsight_operator.scripted_api import ScriptedApi, bookmark, event, page, pod, serve, status, stream

from oomsight_operator.inventory.informer import Informer, Resource, Timing
from oomsight_operator.inventory.pods import project_pod
from oomsight_operator.inventory.store import Store
from oomsight_operator.judgement.model import Pod

FAST = Timing(first_pause_seconds=0.01, most_pause_seconds=0.02, initial_idle_seconds=0.2, idle_seconds=5.0, page_size=2)


def project(raw: msgspec.Raw) -> Pod:
    return project_pod(raw).pod


class Seen:
    """What the store's listeners were told, in words."""

    def __init__(self, store: Store[Pod]) -> None:
        self.changes: list[str] = []
        self._changed = asyncio.Event()
        store.listen(self._note)

    def _note(self, old: Pod | None, new: Pod | None) -> None:
        pod = new or old
        assert pod is not None
        kind = "add" if old is None else "delete" if new is None else "change"
        self.changes.append(f"{kind} {pod.name} {pod.uid}")
        self._changed.set()

    async def until(self, *changes: str) -> None:
        async with asyncio.timeout(10):
            while not set(changes) <= set(self.changes):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def informing(api: ScriptedApi, timing: Timing = FAST) -> AsyncIterator[tuple[Informer[Pod], Seen]]:
    async with serve(api) as client:
        store: Store[Pod] = Store()
        seen = Seen(store)
        informer = Informer(client, Resource("pods", "/api/v1/pods"), project, store, timing=timing)
        task = asyncio.create_task(informer.run())
        try:
            yield informer, seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition is a count in the scripted server
            await asyncio.sleep(0.005)


def listing(*watches: bytes) -> ScriptedApi:
    """A server without streaming lists that has two pods."""
    return ScriptedApi(
        streaming_lists=[status(422, "Invalid")],
        lists=[page([pod("a", "u1", 1), pod("b", "u2", 2)], 10)],
        watches=[stream(*watches)],
    )


async def test_a_streaming_list_fills_the_store_and_the_watch_starts_from_its_bookmark() -> None:
    api = ScriptedApi(
        streaming_lists=[
            stream(event("ADDED", pod("a", "u1", 1)), event("ADDED", pod("b", "u2", 2)), bookmark(10, ends_list=True))
        ],
        watches=[stream(event("MODIFIED", pod("a", "u1", 11)), event("DELETED", pod("b", "u2", 12)))],
    )
    async with informing(api) as (informer, seen):
        await seen.until("add a u1", "add b u2", "change a u1", "delete b u2")
        assert informer.synced.is_set()
        assert [pod.uid for pod in informer.store] == ["u1"]
    kind, query = api.asked[0]
    assert kind == "stream"
    assert query["resourceVersionMatch"] == "NotOlderThan"
    assert api.asked[1][1]["resourceVersion"] == "10"
    assert api.asked[1][1]["allowWatchBookmarks"] == "true"


@pytest.mark.parametrize("refusal", [400, 404, 422, 501])
async def test_a_server_without_streaming_lists_is_listed_in_pages(refusal: int) -> None:
    api = ScriptedApi(
        streaming_lists=[status(refusal)],
        lists=[page([pod("a", "u1", 1)], 10, token="next"), page([pod("b", "u2", 2)], 10)],
        watches=[stream()],
    )
    async with informing(api) as (_, seen):
        await seen.until("add a u1", "add b u2")
        await until(lambda: api.count("watch") == 1)
    assert [query.get("continue") for kind, query in api.asked if kind == "list"] == [None, "next"]
    assert api.asked[1][1]["limit"] == "2"


async def test_a_server_that_never_ends_the_streaming_list_is_listed_in_pages() -> None:
    api = listing()
    api.streaming_lists = [stream(event("ADDED", pod("a", "u1", 1)))]
    async with informing(api) as (_, seen):
        await seen.until("add a u1", "add b u2")
    assert api.count("stream") == 2


async def test_a_streaming_list_that_breaks_half_way_leaves_nothing_and_is_begun_anew() -> None:
    api = ScriptedApi(
        streaming_lists=[
            stream(event("ADDED", pod("gone", "u0", 1)), abort=True),
            stream(event("ADDED", pod("a", "u1", 1)), bookmark(10, ends_list=True)),
        ],
        watches=[stream()],
    )
    async with informing(api) as (_, seen):
        await seen.until("add a u1")
        assert seen.changes == ["add a u1"]


async def test_an_expired_continue_token_begins_the_list_anew() -> None:
    api = listing()
    api.lists = [page([pod("a", "u1", 1)], 10, token="old"), status(410, "Expired"), page([pod("b", "u2", 2)], 20)]
    async with informing(api) as (informer, seen):
        await seen.until("add b u2")
        assert [pod.uid for pod in informer.store] == ["u2"]


async def test_a_continue_token_that_always_expires_ends_in_one_unpaged_list() -> None:
    api = listing()
    api.lists = [
        page([pod("a", "u1", 1)], 10, token="old"),
        status(410, "Expired"),
        page([pod("a", "u1", 1)], 10, token="old"),
        status(410, "Expired"),
        page([pod("a", "u1", 1), pod("b", "u2", 2)], 20),
    ]
    async with informing(api) as (_, seen):
        await seen.until("add a u1", "add b u2")
    assert "limit" not in api.asked[-2][1] or "limit" not in api.asked[-1][1]


@pytest.mark.parametrize("as_event", [True, False])
async def test_deletes_missed_before_a_410_are_made_up_for(as_event: bool) -> None:
    expired = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
    api = listing()
    api.lists.append(page([pod("b", "u2", 2), pod("c", "u3", 15)], 20))
    api.watches = [stream(expired) if as_event else status(410, "Expired"), stream()]
    async with informing(api) as (informer, seen):
        await seen.until("delete a u1", "add c u3")
        assert informer.stats.missed_deletes == 1
        assert seen.changes.count("add b u2") == 1
        await until(lambda: api.count("watch") == 2)
    assert api.asked[-1][1]["resourceVersion"] == "20"


async def test_a_pod_recreated_under_its_name_while_the_watch_was_broken_is_a_delete_and_then_an_add() -> None:
    api = listing()
    api.lists.append(page([pod("a", "u9", 15), pod("b", "u2", 2)], 20))
    api.watches = [status(410, "Expired"), stream()]
    async with informing(api) as (_, seen):
        await seen.until("add a u9")
    assert seen.changes[-2:] == ["delete a u1", "add a u9"]


async def test_a_disconnect_goes_on_where_it_was_without_a_new_list() -> None:
    api = listing()
    api.watches = [
        stream(event("MODIFIED", pod("a", "u1", 11)), abort=True),
        stream(event("MODIFIED", pod("a", "u1", 12))),
    ]
    async with informing(api) as (_, seen):
        await until(lambda: seen.changes.count("change a u1") == 2)
    assert api.asked[-1][1]["resourceVersion"] == "11"
    assert api.count("list") == 1


async def test_bookmarks_move_the_place_to_go_on_from() -> None:
    api = listing()
    api.watches = [stream(bookmark(77), hold=False), stream()]
    async with informing(api):
        await until(lambda: api.count("watch") == 2)
    assert api.asked[-1][1]["resourceVersion"] == "77"


async def test_a_line_cut_off_by_a_disconnect_is_no_event() -> None:
    whole = event("MODIFIED", pod("a", "u1", 11))
    api = listing()
    api.watches = [stream(whole[: len(whole) // 2], hold=False), stream(whole)]
    async with informing(api) as (informer, seen):
        await seen.until("change a u1")
        assert informer.stats.malformed == 0


async def test_garbage_lines_end_in_a_new_list() -> None:
    api = listing()
    api.lists.append(page([pod("a", "u1", 1), pod("c", "u3", 3)], 20))
    api.watches = [stream(b"<html>oops</html>\n")] * 3 + [stream()]
    async with informing(api) as (informer, seen):
        await seen.until("add c u3", "delete b u2")
        assert informer.stats.malformed == 3


async def test_a_malformed_object_is_skipped_and_its_last_good_value_kept() -> None:
    broken = {"metadata": {"name": "a", "namespace": "shop", "uid": "u1", "resourceVersion": "11"}, "spec": {"containers": 7}}
    api = listing(event("MODIFIED", broken), event("MODIFIED", {"metadata": 3}), event("MODIFIED", pod("b", "u2", 13)))
    async with informing(api) as (informer, seen):
        await seen.until("change b u2")
        assert informer.stats.malformed >= 2
        kept = informer.store.get("u1")
        assert kept is not None
        assert kept.resource_version == "1"


async def test_a_pod_whose_new_version_is_malformed_survives_a_new_list() -> None:
    broken = {"metadata": {"name": "a", "namespace": "shop", "uid": "u1", "resourceVersion": "11"}, "spec": {"containers": 7}}
    api = listing()
    api.lists.append(page([broken, pod("c", "u3", 3)], 20))
    api.watches = [status(410, "Expired"), stream()]
    async with informing(api) as (informer, seen):
        await seen.until("add c u3", "delete b u2")
        assert "u1" in informer.store


async def test_long_lines_arrive_whole() -> None:
    big = pod("a", "u1", 11)
    big["metadata"]["annotations"] = {"note": "x" * 900_000}
    api = listing(event("MODIFIED", big))
    async with informing(api) as (_, seen):
        await seen.until("change a u1")


async def test_a_server_that_asks_to_wait_is_asked_again_and_the_store_fills() -> None:
    api = listing()
    api.streaming_lists = [status(429, "TooManyRequests", {"Retry-After": "0"}), status(503), status(422)]
    async with informing(api) as (_, seen):
        await seen.until("add a u1", "add b u2")


async def test_a_full_list_now_and_then_heals_what_was_missed() -> None:
    api = listing()
    api.lists.append(page([pod("a", "u1", 1)], 20))
    api.watches = [stream(bookmark(11), hold=False)]
    async with informing(api, Timing(first_pause_seconds=0.01, most_pause_seconds=0.02, resync_seconds=0.05)) as (_, seen):
        await seen.until("delete b u2")
