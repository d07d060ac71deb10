"""A server, and a client that speaks to it plainly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
import pytest

from oomsight_sandbox.apiserver import ApiServer

MERGE = "application/merge-patch+json"


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


class Watch:
    """An open watch: `next` waits for one event."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self._buffer = b""

    async def next(self, seconds: float = 5.0) -> dict[str, Any] | None:
        """The next event; None when the stream has ended."""
        async with asyncio.timeout(seconds):
            while b"\n" not in self._buffer:
                chunk = await self.response.content.readany()
                if not chunk:
                    return None
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        event: dict[str, Any] = msgspec.json.decode(line)
        return event

    async def brief(self, count: int) -> list[tuple[str, str]]:
        """Type and object name of the next events."""
        found: list[tuple[str, str]] = []
        for _ in range(count):
            event = await self.next()
            assert event is not None, f"the stream ended after {found}"
            found.append((event["type"], event["object"]["metadata"].get("name", "")))
        return found


class Client:
    """Requests of a server, with JSON in and out."""

    def __init__(self, server: ApiServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self._session = session
        self._watches: list[Watch] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for watch in self._watches:
            watch.response.close()
        await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        data: bytes | None = None,
        **more: Any,
    ) -> Answer:
        """One request. `body` is sent as JSON, `data` as it is; `params` and `headers` may be given."""
        headers = {**more.pop("headers", {})}
        if body is not None or data is not None:
            headers.setdefault("Content-Type", content_type)
        sent = msgspec.json.encode(body) if body is not None else data
        async with self._session.request(method, self.server.url + path, data=sent, headers=headers, **more) as response:
            text = await response.read()
            is_json = response.content_type == "application/json"
            return Answer(response.status, msgspec.json.decode(text) if is_json and text else text, dict(response.headers))

    async def get(self, path: str, **params: str) -> Any:
        """The body of a GET that must succeed."""
        answer = await self.ask("GET", path, params=params)
        assert answer.status == 200, answer.body
        return answer.body

    async def post(self, path: str, body: Any) -> Any:
        answer = await self.ask("POST", path, body)
        assert answer.status == 201, answer.body
        return answer.body

    async def merge(self, path: str, body: Any) -> Any:
        answer = await self.ask("PATCH", path, body, MERGE)
        assert answer.status == 200, answer.body
        return answer.body

    async def watch(self, path: str, **params: str) -> Watch:
        return await self.open_watch(path, params, {})

    async def open_watch(self, path: str, params: dict[str, str], headers: dict[str, str]) -> Watch:
        response = await self._session.get(self.server.url + path, params={"watch": "true", **params}, headers=headers)
        assert response.status == 200, await response.text()
        watch = Watch(response)
        self._watches.append(watch)
        return watch


async def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition that nothing announces."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer() as running:
        yield running
        assert not running.api.internal_errors, "the server had an accident"


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[Client]:
    async with Client(server, aiohttp.ClientSession()) as made:
        yield made


def make_pod(name: str = "web", **labels: str) -> dict[str, Any]:
    container = {"name": "app", "image": "app:1", "resources": {"limits": {"memory": "64Mi"}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}}


PODS = "/api/v1/namespaces/default/pods"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.dev/v1/namespaces/default/widgets"


def make_definition(**version: Any) -> dict[str, Any]:
    """A custom resource with bounds, defaults, a rule and columns."""
    spec = {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 10},
            "mode": {"type": "string", "enum": ["On", "Off"], "default": "Off"},
            "low": {"type": "integer"},
            "high": {"type": "integer"},
        },
        "x-kubernetes-validations": [
            {"rule": "!has(self.low) || !has(self.high) || self.low <= self.high", "message": "must be ordered"}
        ],
    }
    status = {"type": "object", "properties": {"ready": {"type": "boolean"}}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Ready", "type": "boolean", "jsonPath": ".status.ready"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.dev"},
        "spec": {
            "group": "example.dev",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["toys"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    **version,
                }
            ],
        },
    }


def make_widget(name: str = "one", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": 1, **spec}}
