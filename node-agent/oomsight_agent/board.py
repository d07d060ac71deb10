"""The board between the sampler's thread, which publishes, and the server's threads, which read and wait.

Everything shared is behind one lock here; what goes out is immutable, so that encoding and rendering happen outside of it.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from oomsight_agent.incident_totals import IncidentTotals
from oomsight_agent.kill_totals import KillTotals
from oomsight_agent.ledger import Ledger
from oomsight_agent.material import Change
from oomsight_agent.metrics import AgentStatistics, render
from oomsight_agent.peak_window import PeakWindow
from oomsight_api.report import NodeReport

COALESCE_SECONDS = 5.0
"""On a busy node some container moves by a step every second. A poll that was up to date when it came is held for so long before an
ordinary change ends it: 5,000 nodes then cost an operator a third of a core instead of two. Urgent changes never wait."""

CHECK_CLIENT_SECONDS = 1.0
"""How often a waiting thread looks whether its client is still there."""

STALE_INTERVALS = 10
STALE_SECONDS_MIN = 15.0
"""The agent is alive when its last sample is at most ten intervals old (15 s at least): a node under memory pressure is slow."""


class NothingSampledError(LookupError):
    """There is no sample yet; a moment later there will be."""


class ClientGoneError(ConnectionError):
    """Nobody is there any more to take the answer."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether samples come. `last_sample_age_seconds` is None before the first one."""

    fresh: bool
    last_sample_age_seconds: float | None


class Board:
    """Holds the latest sample and what is counted about the agent. Every method may be called from any thread."""

    def __init__(
        self,
        instance: str,
        *,
        version: str,
        interval_seconds: float,
        coalesce_seconds: float = COALESCE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changed = threading.Condition()
        self._ledger = Ledger(instance)
        self._kills = KillTotals()
        self._peaks = PeakWindow()
        self._incidents = IncidentTotals()
        self._version = version
        self._stale_seconds = max(STALE_SECONDS_MIN, STALE_INTERVALS * interval_seconds)
        self._coalesce_seconds = coalesce_seconds
        self._monotonic = monotonic
        self._last_sample_monotonic: float | None = None
        self._samples = 0
        self._sample_failures = 0
        self._sample_duration_seconds_sum = 0.0
        self._read_errors: Mapping[str, int] = {}
        self._requests: Counter[tuple[str, int]] = Counter()
        self._waiting = 0
        self._closed = False

    def publish(self, report: NodeReport, duration_seconds: float, read_errors: Mapping[str, int]) -> Change:
        """The sampler's next full report with the incidents that are new or changed, how long it took, and the totals of its read
        errors by kind of file."""
        with self._changed:
            change = self._ledger.record(report)
            self._kills.observe(report)
            self._peaks.observe(report)
            self._incidents.observe(report)
            self._samples += 1
            self._sample_duration_seconds_sum += duration_seconds
            self._read_errors = dict(read_errors)
            self._last_sample_monotonic = self._monotonic()
            if change:
                self._changed.notify_all()
            return change

    def sample_failed(self) -> None:
        """A sample that failed as a whole."""
        with self._changed:
            self._sample_failures += 1

    def count_request(self, path: str, status: int) -> None:
        """An answered request. `path` must come from a fixed set."""
        with self._changed:
            self._requests[path, status] += 1

    def close(self) -> None:
        """Ends every wait at once, now and from now on: the waiting clients get what there is."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def waiting_clients(self) -> int:
        """Requests that wait for a report now."""
        with self._changed:
            return self._waiting

    def report(self, cursor: str, wait_seconds: float, client_is_there: Callable[[], bool]) -> NodeReport:
        """What came after `cursor`, as soon as there is something to say, at the latest after `wait_seconds`.

        Raises NothingSampledError before the first sample, ClientGoneError when `client_is_there` said no while waiting.
        """
        with self._changed:
            self._waiting += 1
            try:
                self._wait_for_news(cursor, wait_seconds, client_is_there)
            finally:
                self._waiting -= 1
            if self._ledger.latest is None:
                raise NothingSampledError("nothing was sampled yet")
            return self._ledger.since(cursor)

    def _wait_for_news(self, cursor: str, wait_seconds: float, client_is_there: Callable[[], bool]) -> None:
        started = self._monotonic()
        hold_seconds = 0.0 if self._has_news(cursor) else self._coalesce_seconds
        while not self._closed:
            waited = self._monotonic() - started
            news = self._has_news(cursor)
            if waited >= wait_seconds or self._is_urgent(cursor) or (news and waited >= hold_seconds):
                return
            until = min(wait_seconds, hold_seconds) if news else wait_seconds
            self._changed.wait(max(0.0, min(until - waited, CHECK_CLIENT_SECONDS)))
            if not self._closed and not client_is_there():
                raise ClientGoneError("the client closed the connection while it waited")

    def _has_news(self, cursor: str) -> bool:
        if self._ledger.latest is None:
            return False
        revision = self._ledger.revision_of(cursor)
        return revision is None or self._ledger.revision > revision

    def _is_urgent(self, cursor: str) -> bool:
        if self._ledger.latest is None:
            return False
        revision = self._ledger.revision_of(cursor)
        return revision is None or self._ledger.urgent_revision > revision

    def health(self) -> Health:
        """Whether the last sample is fresh."""
        with self._changed:
            last = self._last_sample_monotonic
            age = None if last is None else self._monotonic() - last
            return Health(age is not None and age <= self._stale_seconds, age)

    def metrics(self) -> str:
        """The page for Prometheus. Raises NothingSampledError before the first sample."""
        with self._changed:
            report = self._ledger.latest
            if report is None:
                raise NothingSampledError("nothing was sampled yet")
            kills, peaks, incidents = self._kills.totals(), self._peaks.peaks(), self._incidents.totals()
            statistics = AgentStatistics(
                version=self._version,
                samples=self._samples,
                sample_failures=self._sample_failures,
                sample_duration_seconds_sum=self._sample_duration_seconds_sum,
                report_clients=self._waiting,
                read_errors=self._read_errors,
                requests=dict(self._requests),
                resident_bytes=_resident_bytes(),
                cpu_seconds=_cpu_seconds(),
            )
        return render(report, kills, peaks, incidents, statistics)


def _resident_bytes() -> int | None:
    """The agent's own resident memory, from its own /proc (not the host's), second field of statm, in pages."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round(usage.ru_utime + usage.ru_stime, 3)
