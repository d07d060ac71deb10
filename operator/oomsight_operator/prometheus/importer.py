"""Who still needs a history, asked for one after the other: polite, patient, and never in anybody's way.

The engine says of whom it knows little (`want`); what is found goes to it (`deliver`) whenever it comes. Until then workloads are
judged from what was watched.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from oomsight_operator.judgement.recommend.history import History
from oomsight_operator.kube.backoff import Backoff
from oomsight_operator.prometheus.answer import AnswerError, TooMuchError
from oomsight_operator.prometheus.client import QuestionError, ServerError
from oomsight_operator.prometheus.fetch import Found, Source, Wanted, fetch
from oomsight_operator.prometheus.metrics import HistoryMetrics
from oomsight_operator.prometheus.names import Living

log = logging.getLogger(__name__)

MOST_REMEMBERED: Final = 100_000
"""Workloads that were asked for; the oldest are forgotten, and asked for again should they still lack a history."""
MOST_ATTEMPTS: Final = 5
"""At a workload whose questions are refused while others' are answered."""

PATIENT_ATTEMPTS: Final = 3
"""At a workload with which the server gave no usable answer, before others have their turn."""


@dataclass(frozen=True, slots=True)
class ImportTiming:
    """Seconds."""

    workers: int = 2
    """Questions under way at once."""
    first_backoff_seconds: float = 5.0
    most_backoff_seconds: float = 600.0
    """Between attempts at a server that gives no usable answer."""
    again_seconds: float = 900.0
    """After a refused question, doubled each time."""
    log_seconds: float = 300.0
    """Between two lines of one kind."""


@dataclass(slots=True)
class _Waiting:
    wanted: Wanted
    due_seconds: float = 0.0
    attempts: int = 0


class HistoryImporter:
    """For one event loop. `run` until cancelled."""

    def __init__(
        self,
        source: Source,
        living: Callable[[str], Living],
        deliver: Callable[[Wanted, Mapping[str, History]], int],
        metrics: HistoryMetrics,
        *,
        matchers: Mapping[str, str],
        timing: ImportTiming | None = None,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`living` gives the pods of a namespace now; `deliver` takes over, and tells how many containers had use for it."""
        self._source = source
        self._living = living
        self._deliver = deliver
        self._metrics = metrics
        self._matchers = matchers
        self._timing = timing or ImportTiming()
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._waiting: dict[str, _Waiting] = {}
        self._asked: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._backoff = Backoff(self._timing.first_backoff_seconds, self._timing.most_backoff_seconds)
        self._paused_until_seconds = 0.0
        self._answering: bool | None = None
        self._logged: dict[str, float] = {}
        self._taken = self._empty = self._busy = 0
        metrics.follow_waiting(lambda: len(self._waiting))

    def was_asked(self, key: str) -> bool:
        """Whether the workload needs no more asking: it waits, was answered, or was given up."""
        return key in self._asked

    def want(self, wanted: Wanted) -> None:
        """Ask for a workload's history, once."""
        if wanted.key in self._asked:
            return
        while len(self._asked) >= MOST_REMEMBERED:
            oldest = next(iter(self._asked))
            del self._asked[oldest]
            self._waiting.pop(oldest, None)
        self._asked[wanted.key] = None
        self._waiting[wanted.key] = _Waiting(wanted)
        self._wake.set()

    async def run(self) -> None:
        """Ask for whoever waits."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._timing.workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            waiting, seconds = self._next()
            if waiting is None:
                await self._sleep(seconds)
                continue
            self._busy += 1
            try:
                await self._ask(waiting)
            except Exception:
                # A fault of ours over one workload's history ends neither this task nor the operator.
                self._metrics.workload("failed")
                log.exception("history could not be taken over by a fault of the operator", extra=_named(waiting.wanted))
            finally:
                self._busy -= 1
            self._tell_when_done()

    def _next(self) -> tuple[_Waiting | None, float | None]:
        """Whoever is due, taken from the queue; else in how many seconds somebody will be (None: nobody waits)."""
        now = self._monotonic()
        if self._waiting and self._paused_until_seconds > now:
            return None, self._paused_until_seconds - now
        first = min(self._waiting.values(), key=lambda each: each.due_seconds, default=None)
        if first is None:
            return None, None
        if first.due_seconds > now:
            return None, first.due_seconds - now
        return self._waiting.pop(first.wanted.key), None

    async def _sleep(self, seconds: float | None) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _ask(self, waiting: _Waiting) -> None:
        wanted = waiting.wanted
        living = self._living(wanted.namespace)
        if wanted.workload not in living.workloads:
            self._asked.pop(wanted.key, None)  # gone while it waited
            return
        try:
            found = await fetch(self._source, wanted, living, self._matchers, self._wall_clock())
        except ServerError as error:
            self._server_failed(waiting, str(error))
        except (QuestionError, TooMuchError) as error:
            self._answers()
            self._refused(waiting, str(error))
        except AnswerError as error:
            # Either it does not speak Prometheus' language at all, or this workload's answers alone are broken.
            (self._refused if self._answering else self._server_failed)(waiting, str(error))
        else:
            self._answers()
            self._take(wanted, found)

    def _take(self, wanted: Wanted, found: Found) -> None:
        containers = self._deliver(wanted, found.containers) if found.containers else 0
        hours = max((history.hours for history in found.containers.values()), default=0)
        self._metrics.workload("history" if containers else "nothing")
        self._taken += bool(containers)
        self._empty += not containers
        if found.left_out and self._may_log("left out"):
            extra = {**_named(wanted), "left_out": list(found.left_out)[:5]}
            log.info("part of a workload's history in Prometheus is left out", extra=extra)
        log.debug("history asked for", extra={**_named(wanted), "pods": found.pods, "containers": containers, "hours": hours})

    def _answers(self) -> None:
        self._metrics.answered(ok=True)
        self._backoff.reset()
        if self._answering is False and self._may_log("again"):
            log.info("Prometheus answers again")
        self._answering = True

    def _server_failed(self, waiting: _Waiting, why: str) -> None:
        self._metrics.answered(ok=False)
        now = self._monotonic()
        if self._paused_until_seconds <= now:  # else another worker met the same just now
            self._paused_until_seconds = now + self._backoff.next_seconds()
        waiting.attempts += 1
        if waiting.attempts > PATIENT_ATTEMPTS:  # perhaps it is this workload that it chokes on: others first
            waiting.due_seconds = now + self._timing.again_seconds
        self._waiting[waiting.wanted.key] = waiting
        if self._may_log("server"):
            log.warning(
                "Prometheus gives no usable answer; recommendations go on from what was watched, and it is asked again",
                extra={"error": why[:500], "again_in_seconds": round(self._paused_until_seconds - now)},
            )
        self._answering = False

    def _refused(self, waiting: _Waiting, why: str) -> None:
        waiting.attempts += 1
        given_up = waiting.attempts >= MOST_ATTEMPTS
        self._metrics.workload("refused")
        if not given_up:
            waiting.due_seconds = self._monotonic() + self._timing.again_seconds * 2 ** (waiting.attempts - 1)
            self._waiting[waiting.wanted.key] = waiting
        if self._may_log("refused"):
            extra = {**_named(waiting.wanted), "error": why[:500], "attempts": waiting.attempts, "given_up": given_up}
            log.warning("Prometheus refuses to tell a workload's history", extra=extra)

    def _tell_when_done(self) -> None:
        if not self._waiting and not self._busy and self._taken and self._may_log("done"):
            extra = {"workloads": self._taken, "without": self._empty}
            log.info("recommendations start from the history that Prometheus has", extra=extra)
            self._taken = self._empty = 0

    def _may_log(self, kind: str) -> bool:
        now = self._monotonic()
        last = self._logged.get(kind)
        if last is not None and now - last < self._timing.log_seconds:
            return False
        self._logged[kind] = now
        return True


def _named(wanted: Wanted) -> dict[str, str]:
    return {"object": f"{wanted.namespace}/{wanted.workload.kind}/{wanted.workload.name}"}
