"""A lean asynchronous REST client of the Kubernetes API on aiohttp: plain dicts in and out, one exception.

The `kubernetes` package knows how to log in (credentials.py) but blocks and builds a model object for every answer; this client
shares its configuration. It never retries by itself, except once with fresh credentials after a 401: who asks knows whether it
is worth it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec
from yarl import URL

from oomsight_api.names import FIELD_MANAGER
from oomsight_operator.kube.credentials import Credentials, CredentialsError
from oomsight_operator.kube.errors import ApiError, error_from_response, target_of

__all__ = ["MERGE_PATCH", "ApiError", "KubeClient"]

MERGE_PATCH: Final = "application/merge-patch+json"
CONNECT_TIMEOUT_SECONDS = 10.0
REQUEST_TIMEOUT_SECONDS = 60.0
MAX_LINE_BYTES = 16 * 1024 * 1024
"""etcd stores at most 1.5 MiB an object; a watch line far beyond that is garbage."""


class KubeClient:
    """Requests to one API server. Use as an async context manager, or call `close`."""

    def __init__(self, credentials: Credentials, *, request_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> None:
        self._credentials = credentials
        self._timeout = aiohttp.ClientTimeout(total=request_timeout_seconds, sock_connect=CONNECT_TIMEOUT_SECONDS)
        self._session: aiohttp.ClientSession | None = None

    @property
    def host(self) -> str:
        """Base URL of the API server."""
        return self._credentials.host

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """One request, its JSON answer. Raises ApiError. Writes carry our field manager; a merge patch is MERGE_PATCH."""
        query = dict(params or {})
        if method in ("POST", "PUT", "PATCH"):
            query.setdefault("fieldManager", FIELD_MANAGER)
        data = None if body is None else msgspec.json.encode(body)
        answer = await self._read(method, path, query, data=data, content_type=content_type, accept="application/json")
        try:
            document = msgspec.json.decode(answer) if answer else {}
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise ApiError(0, "BadAnswer", f"{method} {path}: the API server's answer is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise ApiError(0, "BadAnswer", f"{method} {path}: the API server's answer is no JSON object")
        return document

    async def get_bytes(
        self, path: str, params: Mapping[str, str] | None = None, *, accept: str = "application/json", most_bytes: int | None = None
    ) -> bytes:
        """The raw body of a GET, for callers that decode it into structs of their own. Raises ApiError.

        `most_bytes`: for answers that are not the API server's own (a node's, by its proxy); a longer one is a `BadAnswer`.
        """
        return await self._read("GET", path, dict(params or {}), accept=accept, most_bytes=most_bytes)

    async def watch(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        accept: str = "application/json",
        idle_timeout_seconds: float = 330.0,
    ) -> AsyncGenerator[bytes, None]:
        """The JSON lines of a watch until the server closes it. Raises ApiError, `IdleTimeout` when nothing comes for so long."""
        query = {"watch": "true", **(params or {})}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_SECONDS, sock_read=idle_timeout_seconds)
        try:
            response = await self._send("GET", path, query, timeout=timeout, accept=accept)
            async with response:
                try:
                    async for line in _lines(response.content):
                        yield line
                except TimeoutError as error:
                    raise ApiError(0, "IdleTimeout", f"watch of {path}: silent for {idle_timeout_seconds:.0f} s") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _connection_error("GET", path, error) from error

    async def _read(
        self,
        method: str,
        path: str,
        params: dict[str, str],
        *,
        data: bytes | None = None,
        content_type: str = "application/json",
        accept: str,
        most_bytes: int | None = None,
    ) -> bytes:
        try:
            response = await self._send(
                method, path, params, timeout=self._timeout, data=data, content_type=content_type, accept=accept
            )
            async with response:
                return await response.read() if most_bytes is None else await _read_bounded(response, path, most_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _connection_error(method, path, error) from error

    async def _send(
        self,
        method: str,
        path: str,
        params: dict[str, str],
        *,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, which knows connecting from reading
        data: bytes | None = None,
        content_type: str = "application/json",
        accept: str,
    ) -> aiohttp.ClientResponse:
        """The open response of a successful request; errors are read and raised. Logs in anew once after a 401."""
        session = self._open_session()
        for attempt in range(2):
            headers = {"Accept": accept, "User-Agent": FIELD_MANAGER}
            if data is not None:
                headers["Content-Type"] = content_type
            try:
                authorization = await self._credentials.authorization(renew=attempt > 0)
            except CredentialsError as error:
                raise ApiError(0, "CredentialsError", str(error)) from error
            if authorization:
                headers["Authorization"] = authorization
            response = await session.request(
                method,
                URL(self._credentials.host + path),
                params=params,
                data=data,
                headers=headers,
                timeout=timeout,
                ssl=self._credentials.ssl_context or True,
                server_hostname=self._credentials.tls_server_name,
                proxy=self._credentials.proxy,
                allow_redirects=False,  # a redirect would carry the token elsewhere
            )
            if response.status < 300:
                return response
            async with response:
                if response.status == 401 and attempt == 0:
                    continue
                answer = await response.read()
                target = target_of(method, path, params)
                raise error_from_response(response.status, answer, target, response.headers.get("Retry-After"), time.time())
        raise AssertionError("the second attempt returns or raises")

    def _open_session(self) -> aiohttp.ClientSession:
        # Made late: a session belongs to the loop that runs when it is made.
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=100, keepalive_timeout=60.0)
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length up to MAX_LINE_BYTES (aiohttp's own iteration stops at 64 KiB)."""
    pending: list[bytes] = []
    pending_bytes = 0
    async for chunk in stream.iter_any():
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            line = b"".join([*pending, part])
            pending.clear()
            pending_bytes = 0
            if line.strip():
                yield line
        if rest:
            pending.append(rest)
            pending_bytes += len(rest)
            if pending_bytes > MAX_LINE_BYTES:
                raise ApiError(0, "BadAnswer", f"a watch line has more than {MAX_LINE_BYTES} bytes")
    # What follows the last line end was cut off in the middle by a closed connection: not an event.


async def _read_bounded(response: aiohttp.ClientResponse, path: str, most_bytes: int) -> bytes:
    chunks: list[bytes] = []
    total = 0
    async for chunk in response.content.iter_any():
        total += len(chunk)
        if total > most_bytes:
            raise ApiError(0, "BadAnswer", f"GET {path}: the answer has more than {most_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _connection_error(method: str, path: str, error: Exception) -> ApiError:
    reason = "Timeout" if isinstance(error, TimeoutError) else "ConnectionError"
    return ApiError(0, reason, f"{method} {path}: {error or type(error).__name__}")
