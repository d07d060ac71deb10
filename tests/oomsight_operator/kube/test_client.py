from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from kubernetes.client import Configuration

from oomsight_operator.kube.client import MERGE_PATCH, ApiError, KubeClient
from oomsight_operator.kube.credentials import from_configuration

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, token: str | None = None, timeout: float = 5.0) -> AsyncIterator[KubeClient]:  # noqa: ASYNC109
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    if token is not None:
        configuration.api_key["BearerToken"] = f"Bearer {token}"
    try:
        async with KubeClient(from_configuration(configuration), request_timeout_seconds=timeout) as client:
            yield client
    finally:
        await runner.cleanup()


async def failing(handler: Handler) -> ApiError:
    async with serving(handler) as client:
        with pytest.raises(ApiError) as caught:
            await client.request("GET", "/api/v1/pods")
    return caught.value


async def test_writes_carry_the_field_manager_and_the_content_type_of_the_patch() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "query": dict(request.query),
                "type": request.content_type,
                "body": await request.json(),
                "auth": request.headers["Authorization"],
            }
        )

    async with serving(handler, token="s3cret") as client:
        told = await client.request("PATCH", "/api/v1/namespaces/a/pods/p", body={"metadata": {}}, content_type=MERGE_PATCH)
    assert told["query"] == {"fieldManager": "oomsight-operator"}
    assert told["type"] == "application/merge-patch+json"
    assert told["body"] == {"metadata": {}}
    assert told["auth"] == "Bearer s3cret"


async def test_a_refusal_becomes_one_error_with_status_reason_and_time_to_wait() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"reason": "TooManyRequests", "message": "later"}, status=429, headers={"Retry-After": "3"})

    error = await failing(handler)
    assert (error.status, error.reason, error.retry_after_seconds, error.transient) == (429, "TooManyRequests", 3.0, True)


async def test_a_server_that_is_not_there_is_a_transient_error() -> None:
    async with KubeClient(from_configuration(Configuration(host="http://127.0.0.1:1"))) as client:
        with pytest.raises(ApiError) as caught:
            await client.request("GET", "/api/v1/pods")
    assert (caught.value.status, caught.value.reason, caught.value.transient) == (0, "ConnectionError", True)


async def test_a_server_that_never_answers_is_given_up() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(handler, timeout=0.1) as client:
        with pytest.raises(ApiError) as caught:
            await client.request("GET", "/api/v1/pods")
    assert caught.value.reason == "Timeout"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
async def test_an_answer_that_is_no_object_is_an_error(body: bytes) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body)

    assert (await failing(handler)).reason == "BadAnswer"


async def test_a_401_logs_in_anew_once() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.headers["Authorization"])
        return web.json_response({}, status=401 if len(asked) == 1 else 200)

    async with serving(handler, token="t") as client:
        assert await client.request("GET", "/api/v1/pods") == {}
    assert len(asked) == 2


async def test_a_second_401_is_the_answer() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({}, status=401)

    error = await failing(handler)
    assert error.status == 401
    assert "token" in error.message


async def test_the_token_follows_no_redirect() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    assert (await failing(handler)).status == 302
    assert asked == ["/api/v1/pods"]


async def test_a_watch_gives_whole_lines_of_any_length_and_chunking() -> None:
    lines = [json.dumps({"type": "ADDED", "object": {"note": "x" * size}}).encode() for size in (10, 200_000, 3)]

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        data = b"\n".join(lines) + b"\n\n"
        for start in range(0, len(data), 7001):
            await response.write(data[start : start + 7001])
        return response

    async with serving(handler) as client:
        assert [line async for line in client.watch("/api/v1/pods")] == lines


async def test_a_silent_watch_ends_with_an_idle_timeout() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{}\n")
        await asyncio.Event().wait()
        return response

    async with serving(handler) as client:
        with pytest.raises(ApiError) as caught:
            async for _ in client.watch("/api/v1/pods", idle_timeout_seconds=0.1):
                pass
    assert caught.value.reason == "IdleTimeout"


async def test_errors_and_logs_never_show_the_token(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"message": "no"}, status=403)

    with caplog.at_level(logging.DEBUG):
        async with serving(handler, token="s3cret") as client:
            with pytest.raises(ApiError) as caught:
                await client.request("GET", "/api/v1/pods")
    assert "s3cret" not in caplog.text
    assert "s3cret" not in str(caught.value)


async def test_an_answer_beyond_its_bound_is_refused_before_it_fills_the_memory() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:  # without end
            await response.write(b"x" * 4096)

    async with serving(handler) as client:
        with pytest.raises(ApiError, match="the answer has more than 10000 bytes") as caught:
            await client.get_bytes("/api/v1/nodes/a/proxy/configz", most_bytes=10_000)
    assert caught.value.reason == "BadAnswer"


async def test_an_answer_within_its_bound_is_given_whole() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 10_000)

    async with serving(handler) as client:
        assert await client.get_bytes("/api/v1/nodes/a/proxy/configz", most_bytes=10_000) == b"x" * 10_000
