"""Writes under load and failure: budget, concurrency, back-off, logs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import pytest
from prometheus_client import CollectorRegistry
from tests.oomsight_operator.publishing.builders import Clock

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.budget import KILL_PRIORITY
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.publishing.runner import ApiClient, Runner
from oomsight_operator.publishing.settings import PublisherSettings


class NoApi:
    async def request(self, *_: object, **__: object) -> dict[str, object]:
        raise AssertionError("these writes send nothing themselves")


@dataclass
class Recorder:
    """Writes that note their turn, fail as told, and wait while held."""

    done: list[str] = field(default_factory=list)
    failures: dict[str, list[Exception]] = field(default_factory=dict)
    held: asyncio.Event | None = None
    running: int = 0
    most: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, name: str, kind: str = "pods", cost: int = 1) -> RecordedWrite:
        return RecordedWrite(self, name, kind, cost)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class RecordedWrite:
    recorder: Recorder
    target: str
    kind: str
    cost: int

    async def perform(self, _: ApiClient) -> int:
        recorder = self.recorder
        recorder.running += 1
        recorder.most = max(recorder.most, recorder.running)
        recorder.changed.set()
        try:
            if recorder.held is not None:
                await recorder.held.wait()
            if recorder.failures.get(self.target):
                raise recorder.failures[self.target].pop(0)
            recorder.done.append(self.target)
            return self.cost
        finally:
            recorder.running -= 1
            recorder.changed.set()


def has_failed(recorder: Recorder, name: str, left: int) -> bool:
    """Whether the write ended its try, and so many failures are left."""
    return len(recorder.failures[name]) == left and not recorder.running


@asynccontextmanager
async def running(clock: Clock, **settings: float) -> AsyncIterator[tuple[Runner, CollectorRegistry]]:
    metrics = OperatorMetrics()
    runner = Runner(NoApi(), PublisherSettings(**settings), metrics, clock=clock, jitter=lambda: 0.0)  # type: ignore[arg-type]
    task = asyncio.create_task(runner.run())
    try:
        yield runner, metrics.registry
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_storm_is_written_worst_first_and_within_the_budget() -> None:
    clock, recorder = Clock(), Recorder()
    async with running(clock, write_burst=3, writes_per_second=1.0, concurrent_writes=1) as (runner, _):
        for number in range(10):
            runner.put(f"pod-{number}", recorder.write(f"pod-{number}"), priority=number)
        await recorder.until(lambda: len(recorder.done) == 3)
        assert recorder.done == ["pod-9", "pod-8", "pod-7"]
        clock.advance(2.0)
        assert not await runner.drain(0.0)
        await recorder.until(lambda: len(recorder.done) == 5)
        assert recorder.done[3:] == ["pod-6", "pod-5"]


async def test_a_kill_waits_neither_for_the_budget_nor_behind_slow_writes_and_others_pay_it_back() -> None:
    clock, recorder = Clock(), Recorder(held=asyncio.Event())
    async with running(clock, write_burst=2, writes_per_second=1.0, concurrent_writes=2) as (runner, _):
        for number in range(4):
            runner.put(f"pod-{number}", recorder.write(f"pod-{number}"))
        await recorder.until(lambda: recorder.running == 2)
        for number in range(3):
            runner.put(f"kill-{number}", recorder.write(f"kill-{number}"), priority=KILL_PRIORITY)
        await recorder.until(lambda: recorder.running == 4)
        assert recorder.held is not None
        recorder.held.set()
        await recorder.until(lambda: len(recorder.done) == 4)
        assert not await runner.drain(0.0), "what kills may borrow has a bound, too"
        assert sorted(recorder.done) == ["kill-0", "kill-1", "pod-0", "pod-1"]
        clock.advance(1.0)
        assert not await runner.drain(0.0)
        await recorder.until(lambda: "kill-2" in recorder.done)
        clock.advance(2.0)
        assert not await runner.drain(0.0)
        assert len(recorder.done) == 5, "the debt comes first"
        clock.advance(2.0)
        assert await runner.drain(10)
    assert len(recorder.done) == 7


async def test_a_kill_obeys_a_server_that_asks_for_a_pause() -> None:
    clock, recorder = Clock(), Recorder(failures={"a": [ApiError(429, "TooManyRequests", "slow down", 30.0)]})
    async with running(clock) as (runner, _):
        runner.put("a", recorder.write("a"))
        await recorder.until(partial(has_failed, recorder, "a", 0))
        runner.put("kill", recorder.write("kill"), priority=KILL_PRIORITY)
        clock.advance(29)
        assert not await runner.drain(0.0)
        assert recorder.done == []
        clock.advance(1)
        assert await runner.drain(10)
    assert recorder.done[0] == "kill"


async def test_a_write_of_two_requests_costs_two_and_one_that_found_nothing_to_do_is_free() -> None:
    clock, recorder = Clock(), Recorder()
    async with running(clock, write_burst=2, writes_per_second=0.001, concurrent_writes=1) as (runner, _):
        runner.put("free", recorder.write("free", cost=0), priority=3)
        runner.put("dear", recorder.write("dear", cost=2), priority=2)
        runner.put("later", recorder.write("later"), priority=1)
        await recorder.until(lambda: len(recorder.done) == 2)
        assert not await runner.drain(0.0)
        assert recorder.done == ["free", "dear"]


async def test_no_more_writes_are_in_flight_than_allowed() -> None:
    recorder = Recorder(held=asyncio.Event())
    async with running(Clock(), concurrent_writes=4) as (runner, _):
        for number in range(20):
            runner.put(f"{number}", recorder.write(f"{number}"))
        await recorder.until(lambda: recorder.running == 4)
        assert recorder.held is not None
        recorder.held.set()
        assert await runner.drain(10)
    assert recorder.most == 4
    assert len(recorder.done) == 20


async def test_an_api_that_comes_back_gets_everything(caplog: pytest.LogCaptureFixture) -> None:
    clock, recorder = Clock(), Recorder(failures={"a": [ApiError(503, "ServiceUnavailable", "starting")] * 3})
    async with running(clock) as (runner, registry):
        runner.put("a", recorder.write("a"))
        for left in (2, 1, 0):
            await recorder.until(partial(has_failed, recorder, "a", left))
            clock.advance(60)
            await runner.drain(0.0)
        assert await runner.drain(10)
        assert registry.get_sample_value("oomsight_operator_write_retries_total", {"kind": "pods"}) == 3
    assert recorder.done == ["a"]
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "write failed, trying again: starting"
    ]


async def test_after_429_nothing_is_sent_before_the_server_wants_it() -> None:
    clock, recorder = Clock(), Recorder(failures={"a": [ApiError(429, "TooManyRequests", "slow down", 30.0)]})
    async with running(clock, concurrent_writes=1) as (runner, _):
        runner.put("a", recorder.write("a"), priority=1)
        runner.put("b", recorder.write("b"))
        await recorder.until(lambda: not recorder.failures["a"])
        clock.advance(29)
        assert not await runner.drain(0.0)
        assert recorder.done == []
        clock.advance(1)
        assert await runner.drain(10)
    assert recorder.done == ["a", "b"]


async def test_a_missing_right_is_said_once_per_kind_and_when_it_is_granted(caplog: pytest.LogCaptureFixture) -> None:
    def forbidden(resource: str) -> ApiError:
        return ApiError(403, "Forbidden", f"forbidden to patch {resource}; the role of this service account needs the rule")

    clock = Clock()
    recorder = Recorder(failures={"a": [forbidden("pods")] * 2, "b": [forbidden("pods")], "e": [forbidden("events")]})
    async with running(clock, concurrent_writes=1) as (runner, _):
        with caplog.at_level(logging.INFO):
            runner.put("a", recorder.write("a"), priority=2)
            runner.put("b", recorder.write("b"), priority=1)
            runner.put("e", recorder.write("e", kind="events"))
            await recorder.until(lambda: not recorder.failures["e"] and not recorder.running)
            clock.advance(4)
            assert not await runner.drain(0.0)
            clock.advance(1)
            await runner.drain(0.0)
            await recorder.until(lambda: "e" in recorder.done and "b" in recorder.done)
            clock.advance(301)
            assert await runner.drain(10)
    errors = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2, errors
    told = "forbidden to patch pods; the role of this service account needs the rule; trying again in 5 s, at last every 300 s"
    assert told in errors[0]
    assert "forbidden to patch events" in errors[1]
    assert "allowed to write again" in [record.message for record in caplog.records]
    assert sorted(recorder.done) == ["a", "b", "e"]


async def test_a_fault_of_ours_in_one_write_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(failures={"bad": [ZeroDivisionError("oops")]})
    async with running(Clock()) as (runner, registry):
        runner.put("bad", recorder.write("bad"), priority=1)
        runner.put("good", recorder.write("good"))
        assert await runner.drain(10)
        assert registry.get_sample_value("oomsight_operator_writes_total", {"kind": "pods", "outcome": "error"}) == 1
    assert recorder.done == ["good"]
    assert "ZeroDivisionError" in caplog.text


async def test_draining_does_not_wait_for_what_is_wanted_later() -> None:
    clock, recorder = Clock(), Recorder()
    async with running(clock) as (runner, registry):
        runner.put("now", recorder.write("now"))
        runner.put("later", recorder.write("later"), not_before=clock.now + 300)
        assert await runner.drain(10)
        assert recorder.done == ["now"]
        assert registry.get_sample_value("oomsight_operator_write_queue_depth") == 1


async def test_draining_gives_up_when_the_api_hangs() -> None:
    recorder = Recorder(held=asyncio.Event())
    async with running(Clock()) as (runner, _):
        runner.put("stuck", recorder.write("stuck"))
        await recorder.until(lambda: recorder.running == 1)
        assert not await runner.drain(0.01)
