"""A tiny API server that answers each request with what the test says, for the odd cases a right server seldom shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from kubernetes.client import Configuration

from oomsight_operator.kube.client import KubeClient
from oomsight_operator.kube.credentials import from_configuration

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ScriptedApi:
    """Answers in order; the last one is given for ever. Keeps what was asked."""

    url: str = ""
    lists: list[Answer] = field(default_factory=list)
    watches: list[Answer] = field(default_factory=list)
    streaming_lists: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        kind = "stream" if "sendInitialEvents" in query else "watch" if "watch" in query else "list"
        self.asked.append((kind, query))
        self.headers.append(dict(request.headers))
        answers = {"stream": self.streaming_lists, "watch": self.watches, "list": self.lists}[kind]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return await answer(request)

    def count(self, kind: str) -> int:
        return sum(1 for asked, _ in self.asked if asked == kind)


@asynccontextmanager
async def serve(api: ScriptedApi) -> AsyncIterator[KubeClient]:
    """Serve the script on a free port; the client to ask it with."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api.url = f"http://{host}:{port}"
    configuration = Configuration(host=api.url)
    try:
        async with KubeClient(from_configuration(configuration)) as client:
            yield client
    finally:
        await runner.cleanup()


def pod(name: str, uid: str, version: int, **spec: Any) -> dict[str, Any]:
    """A pod as the API would send it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": str(version)},
        "spec": {"containers": [{"name": "app", **spec}], "nodeName": "node-a"},
        "status": {"phase": "Running"},
    }


def page(items: list[dict[str, Any]], version: int, token: str = "") -> Answer:
    """A page of a list."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"metadata": {"resourceVersion": str(version), "continue": token}, "items": items})

    return answer


def status(code: int, reason: str = "", headers: dict[str, str] | None = None) -> Answer:
    """A Status object."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"kind": "Status", "code": code, "reason": reason, "message": reason}, status=code, headers=headers
        )

    return answer


def event(kind: str, item: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def bookmark(version: int, *, ends_list: bool = False) -> bytes:
    annotations = {"k8s.io/initial-events-end": "true"} if ends_list else {}
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version), "annotations": annotations}})


def stream(*lines: bytes, hold: bool = True, abort: bool = False) -> Answer:
    """A watch that sends these and then stays open, or ends, or breaks off."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for line in lines:
            await response.write(line)
        if abort and request.transport is not None:
            request.transport.abort()
        elif hold:
            await asyncio.Event().wait()
        return response

    return answer
