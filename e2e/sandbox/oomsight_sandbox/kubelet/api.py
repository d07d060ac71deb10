"""The few requests that the stand-in makes of an API server: JSON in and out, and a watch that lists again when it must."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp

MERGE_PATCH = "application/merge-patch+json"
_WATCH_SECONDS = 300
_REQUEST_SECONDS = 120
"""Long: on an emulated machine the API server, in this very process, may have much to do."""
_RETRY_SECONDS = 0.2
_MAX_LINE_BYTES = 16 * 1024 * 1024


class RequestError(Exception):
    """The API server refused or did not answer; `status` is 0 without an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Change:
    """One object as it is now, or as it was when it went."""

    kind: Literal["present", "gone"]
    item: dict[str, Any]


class Api:
    """Requests to one API server; use as an async context manager. `url` such as http://127.0.0.1:6443."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, read_bufsize=1024 * 1024)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self, method: str, path: str, body: object = None, *, params: Mapping[str, str] | None = None, patch: bool = False
    ) -> dict[str, Any]:
        """One request (a merge patch with `patch`), its JSON answer. Raises RequestError."""
        assert self._session is not None
        headers = {"Content-Type": MERGE_PATCH if patch else "application/json"}
        data = None if body is None else json.dumps(body).encode()
        timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
        try:
            async with self._session.request(
                method, self._url + path, data=data, params=params, headers=headers, timeout=timeout
            ) as response:
                document = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise RequestError(0, f"{method} {path}: {str(error) or type(error).__name__}") from error
        if not isinstance(document, dict):
            raise RequestError(response.status, f"{method} {path}: the answer is no JSON object")
        if response.status >= 400:
            raise RequestError(response.status, f"{method} {path}: {document.get('message') or response.reason}")
        return document

    async def follow(self, path: str) -> AsyncIterator[Change]:
        """All objects of a list, then every change, for ever: what went while a connection was down is told as gone."""
        known: dict[str, dict[str, Any]] = {}
        while True:
            try:
                listed = await self.request("GET", path)
                items = {item["metadata"]["uid"]: item for item in listed.get("items") or ()}
                for gone in [item for uid, item in known.items() if uid not in items]:
                    del known[gone["metadata"]["uid"]]
                    yield Change("gone", gone)
                for uid, item in items.items():
                    known[uid] = item
                    yield Change("present", item)
                async for kind, item in self._watch(path, listed["metadata"].get("resourceVersion") or "0"):
                    uid = item["metadata"]["uid"]
                    if kind == "DELETED":
                        known.pop(uid, None)
                        yield Change("gone", item)
                    else:
                        known[uid] = item
                        yield Change("present", item)
            except (RequestError, aiohttp.ClientError, TimeoutError, ValueError, KeyError):
                await asyncio.sleep(_RETRY_SECONDS)

    async def _watch(self, path: str, version: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """One watch until it ends, or until the server says (ERROR, such as 410) that a new list is due."""
        assert self._session is not None
        params = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_WATCH_SECONDS + 10)
        async with self._session.get(self._url + path, params=params, timeout=timeout) as response:
            if response.status != 200:
                raise RequestError(response.status, f"watch of {path}: {response.reason}")
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _MAX_LINE_BYTES:
                    raise RequestError(0, f"watch of {path}: a line of more than {_MAX_LINE_BYTES} bytes")
                for line in lines:
                    event = json.loads(line) if line.strip() else {}
                    if event.get("type") == "ERROR":
                        return
                    if event.get("type") in ("ADDED", "MODIFIED", "DELETED"):
                        yield event["type"], event["object"]
