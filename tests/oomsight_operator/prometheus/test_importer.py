"""Who lacks a history is asked for once, politely; a server that fails is waited for; nothing of it reaches the operator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from tests.oomsight_operator.prometheus.records import MI, Record, Records

from oomsight_api.policy import PageCache
from oomsight_operator.judgement.recommend.history import History
from oomsight_operator.prometheus.answer import AnswerError, TooMuchError
from oomsight_operator.prometheus.client import QuestionError, ServerError
from oomsight_operator.prometheus.fetch import Wanted
from oomsight_operator.prometheus.importer import MOST_ATTEMPTS, HistoryImporter, ImportTiming
from oomsight_operator.prometheus.metrics import HistoryMetrics
from oomsight_operator.prometheus.names import Living, Workload

NOW = 490_000 * 3600.0 + 1234
QUICK = ImportTiming(first_backoff_seconds=0.01, most_backoff_seconds=0.02, again_seconds=0.001, log_seconds=1e9)


def wanted(name: str) -> Wanted:
    return Wanted(f"uid-{name}", "shop", Workload("Pod", name), PageCache.WORKING)


@dataclass
class World:
    """An importer, whom it asks, and what it delivered."""

    records: Records = field(default_factory=Records)
    alive: set[str] = field(default_factory=lambda: {"a", "b", "c"})
    delivered: dict[str, Mapping[str, History]] = field(default_factory=dict)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    timing: ImportTiming = QUICK
    fault: bool = False

    def __post_init__(self) -> None:
        self.records.records = [
            Record("container_memory_working_set_bytes", name, {490_000 - 5: 100.0 * MI}) for name in sorted(self.alive)
        ]
        self.importer = HistoryImporter(
            self.records, self._living, self._deliver, HistoryMetrics(self.registry), matchers={}, timing=self.timing,
            wall_clock=lambda: NOW,
        )  # fmt: skip

    def _living(self, namespace: str) -> Living:
        assert namespace == "shop"
        return Living({name: Workload("Pod", name) for name in self.alive})

    def _deliver(self, of: Wanted, histories: Mapping[str, History]) -> int:
        if self.fault:
            raise ZeroDivisionError
        self.delivered[of.workload.name] = histories
        return len(histories)

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"oomsight_operator_prometheus_{name}", labels) or 0.0


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    task = asyncio.create_task(world.importer.run())
    try:
        yield world
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], Any]) -> None:
    for _ in range(4000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited 20 s in vain")


async def test_whoever_lacks_a_history_gets_it_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running(World()) as world:
        for name in ("a", "b", "a"):
            world.importer.want(wanted(name))
        await until(lambda: len(world.delivered) == 2 and "recommendations start" in caplog.text)
        assert world.delivered["a"]["app"].working_set == {490_000 - 5: 100 * MI}
        assert world.importer.was_asked("uid-a")
        before = len(world.records.questions)
        world.importer.want(wanted("a"))
        world.importer.want(wanted("c"))
        await until(lambda: "c" in world.delivered)
        assert world.count("workloads_total", outcome="history") == 3
        assert world.count("attempts_total", outcome="ok") == 3
        assert not any('"a' in str(question) for question in world.records.questions[before:]), "a is not asked for again"


async def test_a_server_that_fails_is_told_once_and_asked_again_until_it_answers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    world.records.broken = ServerError("answered 502: an HTML page")
    async with running(world):
        for name in ("a", "b", "c"):
            world.importer.want(wanted(name))
        await until(lambda: world.count("attempts_total", outcome="error") >= 6)
        assert world.count("waiting") == 3
        world.records.broken = None
        await until(lambda: len(world.delivered) == 3)
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [vars(record)["error"] for record in warnings] == ["answered 502: an HTML page"]
    assert "Prometheus answers again" in caplog.text


async def test_what_speaks_another_language_from_the_start_is_waited_for() -> None:
    world = World()
    world.records.broken = AnswerError("an HTML page: <html>")
    async with running(world):
        world.importer.want(wanted("a"))
        await until(lambda: world.count("attempts_total", outcome="error") >= 2)
        assert world.count("workloads_total", outcome="refused") == 0
        world.records.broken = None
        await until(lambda: "a" in world.delivered)


@pytest.mark.parametrize("error", [QuestionError("422 execution: too many samples"), TooMuchError("20000 series")])
async def test_a_workload_whose_questions_are_refused_is_given_up_and_others_go_on(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class Picky(Records):
        async def get(self, path: str, parameters: Mapping[str, str]) -> bytes:
            if '"a.*"' in parameters.get("match[]", ""):
                raise error
            return await super().get(path, parameters)

    async with running(World(Picky())) as world:
        world.importer.want(wanted("a"))
        world.importer.want(wanted("b"))
        await until(lambda: world.count("workloads_total", outcome="refused") == MOST_ATTEMPTS)
        assert list(world.delivered) == ["b"]
        assert world.count("waiting") == 0
    assert [vars(record)["object"] for record in caplog.records if record.levelno == logging.WARNING] == ["shop/Pod/a"]


async def test_who_is_gone_meanwhile_is_not_asked_for() -> None:
    async with running(World(alive={"b"})) as world:
        world.importer.want(wanted("a"))
        world.importer.want(wanted("b"))
        await until(lambda: "b" in world.delivered)
        await until(lambda: not world.importer.was_asked("uid-a"))
        assert world.records.asked('"a') == 0


async def test_a_fault_of_ours_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    world = World(fault=True)
    async with running(world):
        world.importer.want(wanted("a"))
        await until(lambda: world.count("workloads_total", outcome="failed") == 1)
        world.fault = False
        world.importer.want(wanted("b"))
        await until(lambda: "b" in world.delivered)
    assert any(record.exc_info for record in caplog.records)


async def test_no_more_are_asked_at_once_than_allowed() -> None:
    class Slow(Records):
        at_once = most = 0

        async def get(self, path: str, parameters: Mapping[str, str]) -> bytes:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await asyncio.sleep(0.01)
            self.at_once -= 1
            return await super().get(path, parameters)

    slow = Slow()
    async with running(World(slow, alive={f"p{number}" for number in range(9)})) as world:
        for number in range(9):
            world.importer.want(wanted(f"p{number}"))
        await until(lambda: len(world.delivered) == 9)
    assert slow.most == QUICK.workers


async def test_while_prometheus_is_away_no_more_workloads_wait_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oomsight_operator.prometheus.importer.MOST_REMEMBERED", 10)
    world = World()
    for number in range(25):
        world.importer.want(wanted(f"job-{number}"))
    assert world.count("waiting") == 10
    assert world.importer.was_asked("uid-job-24")
    assert not world.importer.was_asked("uid-job-0")
