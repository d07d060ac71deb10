"""The thin shell around one Prometheus: bounded, timed, without redirects; two ways to fail, since they call for two remedies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp

from oomsight_operator.judgement.words import printable
from oomsight_operator.prometheus.access import Access, AccessError
from oomsight_operator.prometheus.answer import MAX_ANSWER_BYTES, TooMuchError, failure_text

_REFUSALS: Final = frozenset({"bad_data", "execution", "timeout"})
"""errorType of answers that are about the question, not about the server (web/api/v1/api.go)."""


class ServerError(Exception):
    """No usable answer: whoever asks next will have none either. The message says why, and holds no secret."""


class TooSlowError(ServerError):
    """No answer in time, ours or a proxy's: perhaps it was too much at once, perhaps the server hangs."""


class QuestionError(Exception):
    """This question is refused, or its answer is too long: a narrower one may do."""


@dataclass(frozen=True, slots=True)
class ClientTiming:
    """Seconds."""

    connect_seconds: float = 10.0
    answer_seconds: float = 90.0
    pause_seconds: float = 0.05
    """After each answer, before who asked goes on."""
    pause_seconds_per_mib: float = 0.3
    """The same for its length: parsing 8 MiB takes the loop 0.3 s, and whoever has no end of history must not take it all."""


class PrometheusClient:
    """Questions to one server. Close it when done."""

    def __init__(self, access: Access, timing: ClientTiming | None = None) -> None:
        self._access = access
        self._timing = timing or ClientTiming()
        self._session: aiohttp.ClientSession | None = None
        self._ca_version: tuple[int, int] | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """The body of a good answer. Raises ServerError, QuestionError."""
        timeout = aiohttp.ClientTimeout(total=self._timing.answer_seconds, sock_connect=self._timing.connect_seconds)
        try:
            session, headers = await self._open_session(), self._access.headers()
            async with session.get(
                self._access.api(path), params=dict(parameters), headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                body = await _read_bounded(response)
                status, location = response.status, response.headers.get("Location", "")
        except AccessError as error:
            raise ServerError(str(error)) from error
        except TooMuchError as error:
            raise QuestionError(str(error)) from error
        except TimeoutError as error:
            raise TooSlowError(f"no answer within {self._timing.answer_seconds:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ServerError(printable(str(error) or type(error).__name__, 300)) from error
        await asyncio.sleep(self._timing.pause_seconds + self._timing.pause_seconds_per_mib * len(body) / 2**20)
        if status == 200:
            return body
        kind, text = failure_text(body)
        if 300 <= status < 400:
            raise ServerError(f"answered {status}, a redirect to {_without_query(location)}: give the final URL")
        if status in (400, 422, 503) and kind in _REFUSALS:
            raise QuestionError(f"{status} {kind}: {text}")
        if status == 504:
            raise TooSlowError(f"answered 504: {text}")
        hint = {401: "; is a token needed?", 403: "; may this account read metrics?", 404: "; is the path's prefix right?"}
        raise ServerError(f"answered {status}: {text}{hint.get(status, '')}")

    async def _open_session(self) -> aiohttp.ClientSession:
        version = self._access.ca_version()
        if self._session is not None and version != self._ca_version:
            await self.close()
        if self._session is None:
            tls = self._access.tls() if self._access.url.scheme == "https" else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=4, ssl=tls, keepalive_timeout=30.0),
                headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "oomsight-operator"},
                auto_decompress=False,  # a compressed answer could be a bomb
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._ca_version = version
        return self._session


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    total = 0
    async for chunk in response.content.iter_any():
        total += len(chunk)
        if total > MAX_ANSWER_BYTES:
            raise TooMuchError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _without_query(location: str) -> str:
    """Where a redirect leads, without what may be a secret in it."""
    return printable(location.partition("?")[0].rpartition("@")[2], 120) or "nowhere"
