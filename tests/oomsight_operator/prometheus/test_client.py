"""The client against a real server on loopback that behaves as badly as they do."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from oomsight_operator.prometheus import client as module
from oomsight_operator.prometheus.access import Access, parse_url
from oomsight_operator.prometheus.client import ClientTiming, PrometheusClient, QuestionError, ServerError, TooSlowError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
GOOD = b'{"status":"success","data":["web-0"]}'


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The base URL of a server whose every path is the handler's."""
    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'http' if tls is None else 'https'}://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def answering(status: int, body: bytes = b"", **headers: str) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return handle


async def asked(access: Access, *, seconds: float = 20.0) -> bytes:
    client = PrometheusClient(access, ClientTiming(answer_seconds=seconds, pause_seconds=0.0))
    try:
        return await client.get("/api/v1/label/pod/values", {"match[]": 'up{pod=~"a|b"}'})
    finally:
        await client.close()


async def test_the_question_arrives_as_it_was_asked_with_what_lets_us_in(tmp_path: Path) -> None:
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(body=GOOD)

    (tmp_path / "token").write_text("t0ken")
    async with serving(handle) as base:
        access = Access(parse_url(f"{base}/mimir"), ("X-Scope-OrgID", "team-a"), token_file=str(tmp_path / "token"))
        assert await asked(access) == GOOD
    (request,) = seen
    assert request.path == "/mimir/api/v1/label/pod/values"
    assert request.query["match[]"] == 'up{pod=~"a|b"}'
    assert (request.headers["X-Scope-OrgID"], request.headers["Authorization"]) == ("team-a", "Bearer t0ken")
    assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (
            answering(302, Location="http://user:hunter2@login.example/?t=hunter2"),
            "a redirect to login.example/: give the final URL",
        ),
        (answering(401, b"no"), "answered 401: no JSON of Prometheus: no; is a token needed?"),
        (answering(404, b"<html>404</html>"), "an HTML page: <html>404</html>; is the path's prefix right?"),
        (answering(502, b"<html>\n<b>Bad Gateway</b>"), "answered 502: an HTML page: <html> <b>Bad Gateway</b>"),
        (answering(503), "answered 503: an empty answer"),
        (answering(429, b'{"status":"error","errorType":"execution","error":"slow down"}'), "answered 429: slow down"),
        (answering(500, b'{"status":"error","errorType":"internal","error":"disk"}'), "answered 500: disk"),
    ],
)
async def test_a_server_that_gives_no_answer_is_told_with_the_likely_remedy(handler: Handler, expected: str) -> None:
    async with serving(handler) as base:
        with pytest.raises(ServerError) as caught:
            await asked(Access(parse_url(base)))
    assert expected in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("status", "kind"), [(422, "execution"), (400, "bad_data"), (503, "timeout")])
async def test_a_refused_question_is_told_apart_from_a_broken_server(status: int, kind: str) -> None:
    body = f'{{"status":"error","errorType":"{kind}","error":"too many samples"}}'.encode()
    async with serving(answering(status, body)) as base:
        with pytest.raises(QuestionError, match=f"{status} {kind}: too many samples"):
            await asked(Access(parse_url(base)))


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 1_000_000)
    async with serving(endless) as base:
        with pytest.raises(QuestionError, match="more than 1000000 bytes"):
            await asked(Access(parse_url(base)))


async def test_a_proxy_that_gave_up_waiting_is_told_from_a_broken_one() -> None:
    async with serving(answering(504, b"<html>timeout")) as base:
        with pytest.raises(TooSlowError, match="answered 504: an HTML page"):
            await asked(Access(parse_url(base)))


async def test_a_silent_server_is_not_waited_for() -> None:
    async def silent(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(silent) as base:
        with pytest.raises(TooSlowError, match=r"no answer within 0\.1 s"):
            await asked(Access(parse_url(base)), seconds=0.1)


async def test_nobody_there_and_no_token_are_errors_of_one_line() -> None:
    for access in (Access(parse_url("http://127.0.0.1:1")), Access(parse_url("http://127.0.0.1:1"), token_file="/nowhere/token")):
        with pytest.raises(ServerError) as caught:
            await asked(access)
        assert str(caught.value).isprintable()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: it makes the certificate")
async def test_https_is_believed_by_the_authority_in_the_file_alone(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    async with serving(answering(200, GOOD), tls) as base:
        assert await asked(Access(parse_url(base), ca_file=str(certificate))) == GOOD
        with pytest.raises(ServerError, match="certificate verify failed"):
            await asked(Access(parse_url(base)))


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for localhost that is its own authority, and its key."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    what = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *what]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
