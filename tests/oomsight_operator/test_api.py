"""The API as a client sees it, over real HTTP; the documents' contents are tested in tests/oomsight_operator/views."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from oomsight_operator.api import Documents, serve_api


class Told:
    """Documents that say which they are."""

    def names(self) -> frozenset[str]:
        return frozenset({"node-a", "node-b"})

    async def nodes(self) -> dict[str, Any]:
        return {"document": "nodes"}

    def kill_order(self, node_name: str) -> dict[str, Any]:
        return {"document": "kill-order", "node": node_name}

    def eviction_order(self, node_name: str) -> dict[str, Any]:
        return {"document": "eviction-order", "node": node_name}

    def health(self, node_name: str) -> dict[str, Any]:
        return {"document": "health", "node": node_name}


@asynccontextmanager
async def asking(documents: Documents | str) -> AsyncIterator[aiohttp.ClientSession]:
    site = await serve_api("127.0.0.1:0", lambda: documents)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{site.port}") as session:
        try:
            yield session
        finally:
            await site.close()


async def get(session: aiohttp.ClientSession, path: str) -> tuple[int, dict[str, Any]]:
    async with session.get(path) as response:
        assert response.content_type == "application/json"
        document: dict[str, Any] = await response.json()
        return response.status, document


async def test_each_path_has_its_document() -> None:
    async with asking(Told()) as session:
        assert await get(session, "/v1/nodes") == (200, {"document": "nodes"})
        for name in ("kill-order", "eviction-order", "health"):
            assert await get(session, f"/v1/nodes/node-a/{name}") == (200, {"document": name, "node": "node-a"})


async def test_a_node_that_is_not_there_is_404_with_those_that_are() -> None:
    async with asking(Told()) as session:
        status, document = await get(session, "/v1/nodes/node-c/health")
    assert status == 404
    assert document["error"]["reason"] == "NodeNotFound"
    assert document["error"]["message"].endswith("there are: node-a, node-b")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nodes/node-a", "/v1/nodes/node-a/secrets", "/v1/nodes/node-a/../../x"])
async def test_a_path_that_is_nothing_is_404_with_what_there_is(path: str) -> None:
    async with asking(Told()) as session:
        status, document = await get(session, path)
    assert status == 404
    assert "/v1/nodes/NODE/kill-order" in document["error"]["message"]


async def test_a_hostile_name_is_escaped_in_the_answer() -> None:
    async with asking(Told()) as session:
        status, document = await get(session, "/v1/nodes/%1b%5b31m%0a/health")
    assert status == 404
    assert "\\x1b[31m\\n" in document["error"]["message"]


async def test_while_there_is_nothing_to_tell_it_is_503_and_says_when_to_ask_again() -> None:
    async with asking("another replica works") as session:
        for path in ("/v1/nodes", "/v1/nodes/node-a/health"):
            async with session.get(path) as response:
                document = await response.json()
                assert (response.status, response.headers["Retry-After"]) == (503, "5")
            assert document == {"error": {"reason": "NotReady", "message": "another replica works"}}


async def test_a_fault_of_ours_is_logged_and_told_without_its_inside(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(Told):
        def health(self, node_name: str) -> dict[str, Any]:
            raise ZeroDivisionError("inside")

    async with asking(Faulty()) as session:
        status, document = await get(session, "/v1/nodes/node-a/health")
        assert (await get(session, "/v1/nodes/node-a/kill-order"))[0] == 200
    assert (status, document["error"]["reason"]) == (500, "InternalFault")
    assert "inside" not in document["error"]["message"]
    assert "no document by a fault of the operator" in caplog.text


async def test_it_is_read_only() -> None:
    async with asking(Told()) as session, session.delete("/v1/nodes") as response:
        document = await response.json()
        assert response.status == 405
        assert "GET" in response.headers["Allow"]
        assert document["error"]["message"] == "DELETE is not answered: this API is read with GET"


async def test_a_port_that_is_taken_is_an_error() -> None:
    site = await serve_api("127.0.0.1:0", lambda: "x")
    with pytest.raises(OSError, match=str(site.port)):
        await serve_api(f"127.0.0.1:{site.port}", lambda: "x")
    await site.close()
