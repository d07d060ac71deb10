"""The thin asynchronous side of the work queue: claims what is due, within the write budget, and sends it."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.budget import KILL_PRIORITY, TokenBucket
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.queue import Claim, WorkQueue
from oomsight_operator.publishing.retries import Retry, judge_failure
from oomsight_operator.publishing.settings import PublisherSettings

logger = logging.getLogger(__name__)

KILL_LANES = 4
"""Writes of kills in flight beyond `concurrent_writes`."""


class ApiClient(Protocol):
    """The one call of `kube.client.KubeClient` that writers need. Raises ApiError."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]: ...


class Write(Protocol):
    """One write that waits in the queue: it reads the state it stands for only when it is sent."""

    @property
    def kind(self) -> str:
        """The resource, for metrics and logs: `pods`, `events` …"""

    @property
    def target(self) -> str:
        """The object, as `namespace/name`."""

    async def perform(self, client: ApiClient) -> int:
        """Send it; the number of requests that wrote. 0: nothing was left to write. Raises ApiError."""


class Runner:
    """Sends the queue's work with bounded concurrency. `put` may be called before `run`."""

    def __init__(
        self,
        client: ApiClient,
        settings: PublisherSettings,
        metrics: OperatorMetrics,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._jitter = jitter
        self._queue: WorkQueue[Write] = WorkQueue()
        self._budget = TokenBucket(settings.writes_per_second, settings.write_burst)
        self._paused_until = float("-inf")
        self._forbidden: set[str] = set()
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        metrics.follow_queue(lambda: len(self._queue))

    def now(self) -> float:
        """The clock that `not_before` is measured on."""
        return self._clock()

    def put(self, key: str, write: Write, *, priority: int = 0, not_before: float = float("-inf")) -> None:
        """Queue a write; the latest for a key wins."""
        self._queue.put(key, write, priority=priority, not_before=not_before)
        self._wake.set()

    def discard(self, key: str) -> None:
        """Nothing is to be written on that key any more."""
        self._queue.discard(key)
        self._wake.set()

    def is_waiting(self, key: str) -> bool:
        """Whether a write is queued that will still read the state it stands for."""
        return self._queue.is_waiting(key)

    def is_busy(self, key: str) -> bool:
        """Whether a write is queued or in flight."""
        return key in self._queue

    async def run(self) -> None:
        """Send until cancelled; then what is in flight is cancelled, too."""
        try:
            while True:
                self._wake.clear()
                seconds = self._start_what_is_due()
                self._settled.set()
                try:
                    # Not wait_for: before Python 3.12 it may swallow a cancellation that comes together with the wake-up.
                    async with asyncio.timeout(seconds):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def drain(self, timeout_seconds: float) -> bool:
        """Wait, while `run` runs, until nothing is wanted by now or in flight. False when that took too long."""
        self._wake.set()
        try:
            async with asyncio.timeout(timeout_seconds):
                while self._queue.unfinished(self._clock()):
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            return False
        return True

    def _start_what_is_due(self) -> float | None:
        """Start writes as far as budget and concurrency allow; seconds until the next look is needed, None for never."""
        while True:
            now = self._clock()
            waits = self._queue.wait_seconds(now)
            if waits is None:
                return None
            # A kill neither waits behind what is slow nor for the budget: it is paid for afterwards, by what can wait.
            is_kill = (self._queue.first_priority(now) or 0) >= KILL_PRIORITY
            lanes = self._settings.concurrent_writes + (KILL_LANES if is_kill else 0)
            if waits <= 0 and len(self._tasks) >= lanes:
                return None  # a task that ends wakes the loop
            overdraft = self._settings.write_burst if is_kill else 0
            seconds = max(waits, self._paused_until - now, self._budget.wait_seconds(now, overdraft))
            if seconds > 0:
                return seconds
            claim = self._queue.claim(now)
            if claim is None:
                return None
            self._budget.charge(1)
            task = asyncio.get_running_loop().create_task(self._perform(claim), name=f"write {claim.key}")
            self._tasks.add(task)
            task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _perform(self, claim: Claim[Write]) -> None:
        write = claim.work
        try:
            written = await write.perform(self._client)
        except ApiError as error:
            self._failed(claim, error)
        except asyncio.CancelledError:
            self._queue.retry(claim.key, self._clock())
            raise
        except Exception:
            # A fault of ours in one write must not stop all others; the traceback says where.
            logger.exception("write failed by a fault of the operator", extra={"kind": write.kind, "object": write.target})
            self._metrics.wrote(write.kind, "error")
            self._queue.finish(claim.key)
        else:
            self._budget.charge(written - 1)
            if written:
                self._metrics.wrote(write.kind, "ok", written)
            if written and write.kind in self._forbidden:
                self._forbidden.discard(write.kind)
                logger.info("allowed to write again", extra={"kind": write.kind})
            self._queue.finish(claim.key)

    def _failed(self, claim: Claim[Write], error: ApiError) -> None:
        write = claim.work
        verdict = judge_failure(error, claim.attempts, self._settings, self._jitter())
        where = {"kind": write.kind, "object": write.target, "status": error.status, "reason": error.reason}
        if not isinstance(verdict, Retry):
            self._metrics.wrote(write.kind, "gone" if verdict.gone else "rejected")
            if not verdict.gone:
                logger.error("write rejected, given up: %s", error.message, extra=where)
            self._queue.finish(claim.key)
            return
        now = self._clock()
        self._metrics.retried(write.kind)
        if verdict.pause_all:
            self._paused_until = max(self._paused_until, now + verdict.after_seconds)
        if verdict.forbidden and write.kind not in self._forbidden:
            self._forbidden.add(write.kind)
            first, last = verdict.after_seconds, self._settings.forbidden_retry_seconds
            logger.error("%s; trying again in %.0f s, at last every %.0f s", error.message, first, last, extra=where)
        elif claim.attempts == 0 and not verdict.forbidden:
            logger.warning("write failed, trying again: %s", error.message, extra=where)
        self._queue.retry(claim.key, now + verdict.after_seconds)
