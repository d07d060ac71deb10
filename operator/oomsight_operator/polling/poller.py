"""Long-polls the agent of every node: one task each, back-off when it is silent, nothing believed but a report of that node."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp

from oomsight_api.report import MAX_REPORT_BYTES, NodeReport, ReportError, decode
from oomsight_operator.kube.backoff import Backoff
from oomsight_operator.polling.discovery import AgentTarget
from oomsight_operator.polling.telemetry import RejectedReportError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PollTiming:
    """How an agent is polled. Seconds."""

    wait_seconds: float = 20.0
    """How long an agent may hold its answer back while nothing changes materially."""
    margin_seconds: float = 10.0
    """What an answer may take beyond that."""
    connect_seconds: float = 5.0
    pause_seconds: float = 0.2
    """Between two polls at least: an agent that always answers at once must not take the operator's time."""
    rests: float = 9.0
    """So many times the CPU time that an answer took, at least: nor must one that tells very much. A whole report of 110 pods takes
    some milliseconds."""
    first_backoff_seconds: float = 0.5
    most_backoff_seconds: float = 15.0


OnReport = Callable[[AgentTarget, NodeReport], None]
"""Takes over a report. Raises RejectedReportError when it is not believed: the agent is then asked for a full one."""


class AgentError(Exception):
    """An agent did not give a usable answer; the message says why."""


class Poller:
    """Keeps one polling task per agent. Use within one loop; `close` ends all tasks."""

    def __init__(
        self,
        on_report: OnReport,
        timing: PollTiming | None = None,
        on_malformed: Callable[[], None] | None = None,
        *,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._on_report = on_report
        self._on_malformed = on_malformed or (lambda: None)
        self._timing = timing or PollTiming()
        self._cpu_clock = cpu_clock
        self._tasks: dict[AgentTarget, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    @property
    def targets(self) -> frozenset[AgentTarget]:
        return frozenset(self._tasks)

    def set_targets(self, targets: Mapping[str, AgentTarget]) -> None:
        """Poll these agents from now on and no others."""
        wanted = set(targets.values())
        for target in [target for target in self._tasks if target not in wanted]:
            self._tasks.pop(target).cancel()
            log.info("agent left", extra={"node": target.node_name, "address": target.host})
        for target in wanted - self._tasks.keys():
            self._tasks[target] = asyncio.create_task(self._follow(target), name=f"agent of {target.node_name}")
            log.info("agent found", extra={"node": target.node_name, "address": target.host, "port": target.port})

    async def close(self) -> None:
        """End all polling."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _follow(self, target: AgentTarget) -> None:
        backoff = Backoff(self._timing.first_backoff_seconds, self._timing.most_backoff_seconds)
        cursor = ""
        answering: bool | None = None
        while True:
            began = time.monotonic()
            try:
                answer = await self._poll(target, cursor)
                cpu_began = self._cpu_clock()
                report = decode(answer)
                self._on_report(target, report)
                rest = self._timing.rests * (self._cpu_clock() - cpu_began)
            except Exception as error:
                cursor = ""  # whatever was wrong, a full report heals it
                ours = not isinstance(error, (AgentError, ReportError, RejectedReportError))
                if not isinstance(error, AgentError):
                    self._on_malformed()
                if answering is not False:
                    answering = False
                    # A fault of ours over one agent's report ends neither this task nor the operator; the traceback says where.
                    log.warning(
                        "agent gives no usable report",
                        extra={"node": target.node_name, "error": (str(error) or type(error).__name__)[:500]},
                        exc_info=error if ours else None,
                    )
                await asyncio.sleep(backoff.next_seconds())
                continue
            cursor = report.cursor
            if answering is not True:
                answering = True
                log.info("agent reports", extra={"node": target.node_name, "containers": len(report.containers)})
            backoff.reset()
            await asyncio.sleep(max(rest, self._timing.pause_seconds - (time.monotonic() - began)))

    async def _poll(self, target: AgentTarget, cursor: str) -> bytes:
        timing = self._timing
        timeout = aiohttp.ClientTimeout(total=timing.wait_seconds + timing.margin_seconds, sock_connect=timing.connect_seconds)
        try:
            async with self._open_session().get(
                target.url,
                params={"cursor": cursor, "wait": f"{timing.wait_seconds:g}"},
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    raise AgentError(f"{target.url} answered {response.status}, expected 200")
                return await _read_bounded(response, target)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise AgentError(f"{target.url}: {error or type(error).__name__}") from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60.0),
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                auto_decompress=False,  # a compressed answer could be a bomb
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _read_bounded(response: aiohttp.ClientResponse, target: AgentTarget) -> bytes:
    """The body, or AgentError as soon as it is longer than any report."""
    chunks: list[bytes] = []
    total = 0
    async for chunk in response.content.iter_any():
        total += len(chunk)
        if total > MAX_REPORT_BYTES:
            raise AgentError(f"{target.url}: answer has more than {MAX_REPORT_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
