"""The main loop: when to sample, and what becomes of a sample.

Samples are taken on the schedule, and at once on anything that may mean a kill: a line of the kernel's log, a counter that rose, a
moment that the tracker of incidents, or a container's survival, waits for. Extra samples have a distance, so that a storm of kills
costs a bounded share of a core. The log is read before and after a sample, so that lines and counters of one kill meet.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from oomsight_agent.board import Board
from oomsight_agent.incidents.observation import Observation, ProcessSeen
from oomsight_agent.incidents.tracker import IncidentTracker
from oomsight_agent.kernel_log import FollowedLog
from oomsight_agent.sampler import KnownProcess, Sampler
from oomsight_agent.schedule import Schedule
from oomsight_agent.survivors import Survivors
from oomsight_agent.wakeups import Wakeups
from oomsight_api.incident import Incident, KernelLog
from oomsight_api.report import MAX_INCIDENTS, NodeReport

EXTRA_DISTANCE_SECONDS: Final = 0.1
EXTRA_SHARE: Final = 4
"""An extra sample comes no sooner than four times as long as the last sample took: on a node that gasps they are slow."""
LOG_REST_SECONDS: Final = 0.01
"""After a line the log is not listened to for so long: an OOM is a hundred lines within milliseconds, other lines are no news."""

_LOG, _NOTIFY = "kernel log", "OOM notification"

_log = logging.getLogger(__name__)


class ProcessesSeen(Mapping[int, ProcessSeen]):
    """What the sampler knows of processes, as the tracker takes it; made when asked for, since most samples bring no kill."""

    def __init__(self, known: Mapping[int, KnownProcess]) -> None:
        self._known = known

    def __getitem__(self, pid: int) -> ProcessSeen:
        process, container_id, is_container_init = self._known[pid]
        return ProcessSeen(
            pid=pid,
            name=process.name,
            container_id=container_id,
            is_container_init=is_container_init,
            badness_points=process.badness_points,
            oom_score_adj=process.oom_score_adj,
        )

    def __iter__(self) -> Iterator[int]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class Loop:
    """Samples, observes and publishes until a signal comes. One thread; `log` None: not followed, see `log_state`."""

    def __init__(
        self,
        sampler: Sampler,
        tracker: IncidentTracker,
        board: Board,
        wakeups: Wakeups,
        *,
        interval_seconds: float,
        log: FollowedLog | None = None,
        log_state: KernelLog | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._sampler = sampler
        self._tracker = tracker
        self._board = board
        self._wakeups = wakeups
        self._kernel_log = log
        self._log_state = log_state
        self._monotonic = monotonic
        self._unix_time = unix_time
        self._schedule = Schedule(interval_seconds, monotonic())
        self._survivors = Survivors(sampler.has_processes)
        self._next_sample = float("-inf")
        self._next_extra = float("-inf")
        self._evidence = False
        self._log_rests_until = float("-inf")
        self._listens_to_log = False
        self._listens_to_notify = False
        self._untold: tuple[Incident, ...] = ()
        """Of samples that could not be published: the tracker tells each but once."""
        self._failing = False
        self._tracker_failing = False
        self._first = True

    def run(self) -> str:
        """Gives the name of the signal that ended it."""
        while self._wakeups.stopped_by is None:
            now = self._monotonic()
            if now >= self._next_sample or (now >= self._next_extra and self._extra_is_due(now)):
                self._round(now)
            self._listen()
        return self._wakeups.stopped_by.name

    def _extra_is_due(self, now: float) -> bool:
        return self._evidence or now >= self._extra_due()

    def _extra_due(self) -> float:
        """When something else than the schedule wants a sample."""
        dues = (self._tracker.due_seconds(), self._survivors.due_seconds)
        return min((due for due in dues if due is not None), default=float("inf"))

    def _round(self, began: float) -> None:
        """One sample, and what follows from it. Whatever one meets, the next one is tried."""
        scheduled = began >= self._next_sample
        self._read_log()
        self._evidence = False
        try:
            sampled = self._monotonic()  # a large ring takes seconds to read, and the two clocks must be of one moment
            report = self._sampler.sample(self._unix_time(), sampled)
            self._read_log()
            self._evidence = False  # all of it is in this sample
            self._publish(report, began, sampled)
        except Exception:  # noqa: BLE001
            self._board.sample_failed()
            if not self._failing:
                _log.exception("sample failed: what is told is the last good one, and health turns bad")
            self._failing = True
        else:
            self._tell_of_transition(report, began)
        ended = self._monotonic()
        if scheduled:
            self._next_sample = ended + self._schedule.seconds_until_next(ended)
        else:
            self._next_extra = began + max(EXTRA_DISTANCE_SECONDS, EXTRA_SHARE * (ended - began))

    def _publish(self, report: NodeReport, began: float, sampled: float) -> None:
        self._untold = (*self._untold, *self._observe(report, sampled))[-MAX_INCIDENTS:]
        report = replace(
            report,
            incidents=self._untold,
            kernel_log=self._kernel_log.state if self._kernel_log is not None else self._log_state,
            unattributed_oom_kills=self._tracker.unattributed_oom_kills,
        )
        errors = {str(kind): count for kind, count in self._sampler.read_errors.totals.items()}
        self._board.publish(report, self._monotonic() - began, errors)
        self._untold = ()

    def _observe(self, report: NodeReport, sampled: float) -> tuple[Incident, ...]:
        """Incidents that are new or changed. What the log told is kept until here; a fault here costs the details of its kills."""
        ooms = self._kernel_log.pending if self._kernel_log is not None else ()
        survivors = self._survivors.answers(sampled)
        seen = Observation(
            report=report,
            monotonic_seconds=sampled,
            boot_time_seconds=report.time_seconds - sampled,
            log=ooms,
            follows_log=self._kernel_log is not None and self._kernel_log.state.following,
            processes=ProcessesSeen(self._sampler.processes),
            survivors=survivors,
            gone_pids=self._sampler.gone_pids(survivors) if survivors else None,
        )
        if self._kernel_log is not None:
            self._kernel_log.settle(ooms)
        try:
            incidents = self._tracker.observe(seen)
            self._survivors.ask(self._tracker.questions(), sampled)
        except Exception:  # noqa: BLE001 (a kill that cannot be understood must not hide all else)
            if not self._tracker_failing:
                _log.exception("incidents cannot be told: the report goes on without them")
            self._tracker_failing = True
            return ()
        self._tracker_failing = False
        return incidents

    def _tell_of_transition(self, report: NodeReport, began: float) -> None:
        if self._first:
            found = {"containers": len(report.containers), "pods": len(report.pods), "cgroup_version": report.cgroup_version}
            _log.info("first sample taken", extra={"duration_seconds": round(self._monotonic() - began, 3), **found})
        elif self._failing:
            _log.info("sample succeeds again")
        self._failing = self._first = False

    def _listen(self) -> None:
        """Wait for the next sample's time or for evidence of a kill, and note the latter."""
        self._watch()
        now = self._monotonic()
        notify = self._sampler.oom_notify
        until = self._next_sample
        extra = now if self._evidence else self._extra_due()
        until = min(until, max(extra, self._next_extra))
        if notify is not None and notify.due_seconds is not None:
            until = min(until, notify.due_seconds)
        log_rests = self._log_rests_until > now
        if log_rests:
            until = min(until, self._log_rests_until)
        ready = self._wakeups.wait(until, deaf_to=(_LOG,) if log_rests else ())
        now = self._monotonic()
        if _LOG in ready:
            self._read_log()
            self._log_rests_until = self._monotonic() + LOG_REST_SECONDS
        if notify is not None and (_NOTIFY in ready or (notify.due_seconds is not None and notify.due_seconds <= now)):
            self._evidence = notify.look(now) or self._evidence

    def _watch(self) -> None:
        notify = self._sampler.oom_notify
        if notify is not None and not self._listens_to_notify:
            self._wakeups.watch(_NOTIFY, notify.fileno())
            self._listens_to_notify = True
        follows = self._kernel_log is not None and self._kernel_log.state.following
        if self._kernel_log is not None and follows != self._listens_to_log:
            if follows:
                self._wakeups.watch(_LOG, self._kernel_log.fileno())
            else:
                self._wakeups.unwatch(_LOG)
            self._listens_to_log = follows

    def _read_log(self) -> None:
        if self._kernel_log is not None:
            self._evidence = self._kernel_log.read() or self._evidence
