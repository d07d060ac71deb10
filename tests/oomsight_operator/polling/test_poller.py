from __future__ import annotations

import asyncio
import gzip
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from oomsight_api.report import NodeReport, encode
from oomsight_operator.polling import poller as poller_module
from oomsight_operator.polling.discovery import AgentTarget
from oomsight_operator.polling.poller import Poller, PollTiming
from oomsight_operator.polling.telemetry import RejectedReportError

FAST = PollTiming(wait_seconds=0.2, margin_seconds=0.2, pause_seconds=0.0, first_backoff_seconds=0.01, most_backoff_seconds=0.02)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def report(cursor: str, node: str = "node-a") -> NodeReport:
    return NodeReport(node=node, instance="i1", cursor=cursor, full=True, time_seconds=1.0, interval_seconds=1.0)


def says(cursor: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=encode(report(cursor)))

    return answer


def body(data: bytes, code: int = 200, headers: dict[str, str] | None = None) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=data, status=code, headers=headers)

    return answer


class Heard:
    """What the poller handed over, and what the agent was asked."""

    def __init__(self) -> None:
        self.reports: list[str] = []
        self.asked: list[dict[str, str]] = []
        self.malformed = 0
        self.refuse = ""
        self.break_on = ""
        self._news = asyncio.Event()

    def take(self, _target: AgentTarget, found: NodeReport) -> None:
        if found.cursor == self.refuse:
            raise RejectedReportError("not believed")
        if found.cursor == self.break_on:
            raise ZeroDivisionError
        self.reports.append(found.cursor)
        self._news.set()

    def note_malformed(self) -> None:
        self.malformed += 1

    async def until(self, cursor: str) -> None:
        async with asyncio.timeout(10):
            while cursor not in self.reports:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def polling(*answers: Answer, cpu_clock: Callable[[], float] = time.thread_time) -> AsyncIterator[Heard]:
    """An agent that gives these answers in order, and then holds the next poll."""
    heard, script = Heard(), list(answers)

    async def handle(request: web.Request) -> web.StreamResponse:
        heard.asked.append(dict(request.query))
        if not script:
            await asyncio.Event().wait()
        return await script.pop(0)(request)

    app = web.Application()
    app.router.add_get("/v1/report", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    poller = Poller(heard.take, FAST, heard.note_malformed, cpu_clock=cpu_clock)
    poller.set_targets({"node-a": AgentTarget("node-a", "u1", "127.0.0.1", runner.addresses[0][1])})
    try:
        yield heard
    finally:
        await poller.close()
        await runner.cleanup()


async def test_each_poll_carries_the_cursor_of_the_last_answer() -> None:
    async with polling(says("c1"), says("c2")) as heard:
        await heard.until("c2")
    assert [asked["cursor"] for asked in heard.asked[:2]] == ["", "c1"]
    assert heard.asked[0]["wait"] == "0.2"


@pytest.mark.parametrize(
    "answer",
    [body(b"not json"), body(b"{}"), body(b"x", 500), body(b"", 302, {"Location": "/"})],
    ids=["garbage", "no report", "error", "redirect"],
)
async def test_after_an_unusable_answer_a_full_report_is_asked_for(answer: Answer) -> None:
    async with polling(says("c1"), answer, says("c3")) as heard:
        await heard.until("c3")
    assert [asked["cursor"] for asked in heard.asked[:3]] == ["", "c1", ""]


async def test_an_agent_whose_answers_take_long_to_judge_is_asked_so_seldom_that_it_takes_a_tenth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paused: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        paused.append(seconds)
        await sleep(0)

    monkeypatch.setattr("oomsight_operator.polling.poller.asyncio.sleep", note)
    spent = itertools.count()
    async with polling(says("c1"), says("c2"), cpu_clock=lambda: 0.5 * next(spent)) as heard:
        await heard.until("c2")
    assert paused[0] == 9 * 0.5


async def test_a_compressed_answer_is_never_unpacked() -> None:
    bomb = gzip.compress(encode(report("unpacked")))
    async with polling(body(bomb, headers={"Content-Encoding": "gzip"}), says("c2")) as heard:
        await heard.until("c2")
    assert "unpacked" not in heard.reports


async def test_a_report_that_is_not_believed_is_counted_and_asked_for_in_full() -> None:
    async with polling(says("c1"), says("bad"), says("c3")) as heard:
        heard.refuse = "bad"
        await heard.until("c3")
    assert heard.reports == ["c1", "c3"]
    assert heard.malformed == 1
    assert heard.asked[2]["cursor"] == ""


async def test_a_report_that_trips_a_fault_of_ours_does_not_end_the_polling(caplog: pytest.LogCaptureFixture) -> None:
    async with polling(says("c1"), says("bad"), says("bad"), says("c4")) as heard:
        heard.break_on = "bad"
        await heard.until("c4")
    assert heard.asked[2]["cursor"] == ""
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "WARNING"] == [True]


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "MAX_REPORT_BYTES", 10_000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100_000):
            await response.write(b"x" * 1000)
        return response

    async with polling(endless, says("c2")) as heard:
        await heard.until("c2")


async def test_an_agent_that_hangs_is_given_up_and_asked_again() -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with polling(hang, says("c2")) as heard:
        await heard.until("c2")


async def test_an_agent_that_left_is_no_longer_polled() -> None:
    poller = Poller(lambda _target, _report: None, FAST)
    one, two = (AgentTarget(f"node-{letter}", letter, "127.0.0.1", 1) for letter in "ab")
    poller.set_targets({"node-a": one, "node-b": two})
    poller.set_targets({"node-b": two})
    assert poller.targets == {two}
    await poller.close()
    assert not poller.targets


async def test_a_pod_of_the_same_node_with_another_address_is_another_target() -> None:
    poller = Poller(lambda _target, _report: None, FAST)
    old, new = AgentTarget("node-a", "u1", "127.0.0.1", 1), AgentTarget("node-a", "u2", "127.0.0.1", 2)
    poller.set_targets({"node-a": old})
    poller.set_targets({"node-a": new})
    assert poller.targets == {new}
    await poller.close()
