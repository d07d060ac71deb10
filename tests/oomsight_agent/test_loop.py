"""When the main loop samples, and what becomes of a sample: on a clock that the test moves, with parts that the test plays."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from oomsight_agent.incidents.observation import Observation
from oomsight_agent.kernel.oom_log.model import LogKill, LogOom
from oomsight_agent.loop import EXTRA_DISTANCE_SECONDS, LOG_REST_SECONDS, Loop, ProcessesSeen
from oomsight_agent.sampler import KnownProcess
from oomsight_agent.survivors import SURVIVAL_SECONDS
from oomsight_api.incident import Evidence, Incident, KernelLog
from oomsight_api.report import NodeReport, Process

OOM = LogOom(seq=10, usec=1, is_global=False, kills=(LogKill(seq=10, usec=1, pid=7, name="a"),))
INCIDENT = Incident(id="boot-10", time_seconds=1, evidence=Evidence.KERNEL_LOG)
BOOTED = 1_700_000_000.0
KNOWN = {7: KnownProcess(Process(pid=7, name="app", badness_points=5, oom_score_adj=3), "c1", True)}


@dataclass
class Parts:
    """Everything that the loop is made of, played by one object, with a clock that only waiting moves."""

    interval_seconds: float = 30.0
    now: float = 1000.0
    last_seconds: float = 1100.0
    """When the stop signal comes."""
    stopped_by: signal.Signals | None = None
    oom_notify: Any = None
    processes: dict[int, KnownProcess] = field(default_factory=lambda: dict(KNOWN))
    read_errors: Any = field(default_factory=lambda: SimpleNamespace(totals={}))
    sampled: list[float] = field(default_factory=list)
    fails_at: set[int] = field(default_factory=set)
    unpublished: set[int] = field(default_factory=set)
    sample_seconds: float = 0.0
    observed: list[Observation] = field(default_factory=list)
    published: list[NodeReport] = field(default_factory=list)
    failures: int = 0
    on_observe: Callable[[Observation], tuple[Incident, ...]] = lambda _: ()
    asks: frozenset[str] = frozenset()
    due: float | None = None
    unattributed_oom_kills: int | None = None
    log_lines: list[tuple[float, LogOom]] = field(default_factory=list)
    """When which OOM stands in the log."""
    pending: tuple[LogOom, ...] = ()
    following: bool = True
    waits: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    ring_seconds: float = 0.0
    """How long the log as it stands at the start takes to read."""

    def monotonic(self) -> float:
        return self.now

    def unix_time(self) -> float:
        return BOOTED + self.now

    # the sampler
    def sample(self, now_seconds: float, monotonic_seconds: float) -> NodeReport:
        self.sampled.append(round(monotonic_seconds - 1000.0, 3))
        self.now += self.sample_seconds
        if len(self.sampled) in self.fails_at:
            raise RuntimeError("a sample that fails")
        return NodeReport(node="n", instance="", cursor="", full=True, time_seconds=now_seconds, interval_seconds=1)

    def has_processes(self, container_id: str) -> bool | None:
        return container_id == "lives"

    def gone_pids(self, container_ids: Collection[str]) -> frozenset[int]:
        return frozenset(pid for pid, known in self.processes.items() if known.container_id in container_ids)

    # the tracker
    def observe(self, seen: Observation) -> tuple[Incident, ...]:
        self.observed.append(seen)
        return self.on_observe(seen)

    def questions(self) -> frozenset[str]:
        return self.asks

    def due_seconds(self) -> float | None:
        return self.due

    # the board
    def publish(self, report: NodeReport, duration_seconds: float, read_errors: dict[str, int]) -> None:
        self.published.append(report)
        if len(self.published) in self.unpublished:
            raise RuntimeError("a report that cannot be told")

    def sample_failed(self) -> None:
        self.failures += 1

    # the log
    @property
    def state(self) -> KernelLog:
        return KernelLog(following=self.following)

    def fileno(self) -> int:
        return 0

    def read(self) -> bool:
        self.now, self.ring_seconds = self.now + self.ring_seconds, 0.0
        come = [oom for at, oom in self.log_lines if at <= self.now]
        self.log_lines = [line for line in self.log_lines if line[0] > self.now]
        self.pending += tuple(come)
        return bool(come)

    def settle(self, ooms: tuple[LogOom, ...]) -> None:
        self.pending = tuple(oom for oom in self.pending if oom not in ooms)

    # what it waits for
    def watch(self, name: str, descriptor: int) -> None: ...

    def unwatch(self, name: str) -> None: ...

    def wait(self, until_seconds: float, *, deaf_to: Collection[str] = ()) -> frozenset[str]:
        self.waits.append((until_seconds, tuple(deaf_to)))
        speaks = min((at for at, _ in self.log_lines), default=float("inf"))
        heard = "kernel log" not in deaf_to and speaks <= until_seconds
        self.now = max(self.now, speaks if heard else until_seconds)
        if self.now >= self.last_seconds:
            self.stopped_by = signal.SIGTERM
        return frozenset(["kernel log"] if heard else [])

    def run(self, *, with_log: bool = True) -> str:
        me: Any = self
        clocks: dict[str, Any] = {"monotonic": self.monotonic, "unix_time": self.unix_time}
        loop = Loop(me, me, me, me, interval_seconds=self.interval_seconds, log=me if with_log else None, **clocks)
        return loop.run()


def test_it_samples_at_once_and_then_on_the_schedule_until_a_signal_comes() -> None:
    parts = Parts()
    assert parts.run() == "SIGTERM"
    assert parts.sampled == [0.0, 30.0, 60.0, 90.0]


def test_a_line_of_the_log_brings_a_sample_at_once_and_the_schedule_stays() -> None:
    parts = Parts(log_lines=[(1047.0, OOM)], last_seconds=1065.0)
    parts.run()
    assert parts.sampled == [0.0, 30.0, 47.0, 60.0]
    assert [seen.log for seen in parts.observed] == [(), (), (OOM,), ()]
    assert all(seen.follows_log for seen in parts.observed)


def test_the_time_of_boot_is_right_however_long_the_ring_took_to_read() -> None:
    parts = Parts(ring_seconds=8.0, last_seconds=1035.0)
    parts.run()
    assert {seen.boot_time_seconds for seen in parts.observed} == {BOOTED}


def test_a_storm_of_lines_costs_ten_samples_a_second_and_loses_none() -> None:
    lines = [(1005.0 + number * 0.001, replace(OOM, seq=number)) for number in range(1000)]
    parts = Parts(log_lines=lines, last_seconds=1008.0)
    parts.run()
    extra = parts.sampled[1:]
    assert 10 <= len(extra) <= 12
    assert all(later - earlier >= EXTRA_DISTANCE_SECONDS - 0.001 for earlier, later in pairwise(extra))
    assert [oom.seq for seen in parts.observed for oom in seen.log] == list(range(1000))
    assert len(parts.waits) < 3.5 / LOG_REST_SECONDS


def test_extra_samples_stand_further_apart_where_they_are_slow() -> None:
    lines = [(1005.0 + number * 0.01, replace(OOM, seq=number)) for number in range(100)]
    parts = Parts(log_lines=lines, last_seconds=1008.0, sample_seconds=0.1)
    parts.run()
    assert len(parts.sampled) <= 5


def test_a_sample_that_fails_loses_nothing_of_the_log() -> None:
    parts = Parts(log_lines=[(1005.0, OOM)], fails_at={2}, last_seconds=1035.0)
    parts.run()
    assert parts.sampled == [0.0, 5.0, 30.0]
    assert parts.failures == 1
    assert [seen.log for seen in parts.observed] == [(), (OOM,)]


def test_incidents_and_the_state_of_the_log_stand_in_the_report() -> None:
    parts = Parts(log_lines=[(1005.0, OOM)], last_seconds=1010.0, unattributed_oom_kills=3)
    parts.on_observe = lambda seen: (INCIDENT,) if seen.log else ()
    parts.run()
    assert [report.incidents for report in parts.published] == [(), (INCIDENT,)]
    assert parts.published[1].kernel_log == KernelLog(following=True)
    assert parts.published[1].unattributed_oom_kills == 3


def test_incidents_of_a_report_that_could_not_be_told_stand_in_the_next() -> None:
    parts = Parts(log_lines=[(1005.0, OOM)], unpublished={2}, last_seconds=1065.0)
    parts.on_observe = lambda seen: (INCIDENT,) if seen.log else ()
    parts.run()
    assert parts.failures == 1
    assert [report.incidents for report in parts.published] == [(), (INCIDENT,), (INCIDENT,), ()]


def test_a_tracker_that_fails_does_not_hide_the_sample() -> None:
    def fail(seen: Observation) -> tuple[Incident, ...]:
        raise RuntimeError("a fault of ours")

    parts = Parts(on_observe=fail, last_seconds=1035.0)
    parts.run()
    assert len(parts.published) == 2
    assert parts.failures == 0


def test_the_tracker_is_called_again_when_it_wants_to_be() -> None:
    parts = Parts(last_seconds=1020.0)

    def observe(seen: Observation) -> tuple[Incident, ...]:
        parts.due = 1002.5 if len(parts.observed) == 1 else None
        return ()

    parts.on_observe = observe
    parts.run(with_log=False)
    assert parts.sampled == [0.0, 2.5]
    assert not parts.observed[0].follows_log
    assert parts.published[0].kernel_log is None


def test_a_containers_survival_is_looked_at_a_moment_after_the_tracker_asks() -> None:
    parts = Parts(last_seconds=1020.0)

    def observe(seen: Observation) -> tuple[Incident, ...]:
        parts.asks = frozenset() if seen.survivors else frozenset(("c1", "lives"))
        return ()

    parts.on_observe = observe
    parts.run()
    assert parts.sampled == [0.0, SURVIVAL_SECONDS]
    assert parts.observed[1].survivors == {"lives": True, "c1": False}
    assert [seen.gone_pids for seen in parts.observed] == [None, {7}]


def test_a_counter_that_rose_brings_a_sample_at_once_and_one_that_did_not_brings_none() -> None:
    looks: list[float] = []

    def look(now: float) -> bool:
        looks.append(round(now - 1000.0, 3))
        notify.due_seconds = {1: 1006.0, 2: 1007.0}.get(len(looks))
        return len(looks) == 2

    notify = SimpleNamespace(fileno=lambda: 1, due_seconds=1005.0, look=look)
    parts = Parts(oom_notify=notify, last_seconds=1020.0)
    parts.run()
    assert looks == [5.0, 6.0, 7.0]
    assert parts.sampled == [0.0, 6.0]


def test_processes_reach_the_tracker_as_it_takes_them() -> None:
    parts = Parts(last_seconds=1001.0)
    parts.run()
    (seen,) = parts.observed
    assert len(seen.processes) == 1
    process = seen.processes[7]
    assert (process.name, process.container_id, process.is_container_init) == ("app", "c1", True)
    assert (process.badness_points, process.oom_score_adj) == (5, 3)
    assert list(ProcessesSeen({})) == []
