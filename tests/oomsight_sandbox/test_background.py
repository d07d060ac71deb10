"""Work beside a `with` body."""

from __future__ import annotations

import asyncio

import pytest

from oomsight_sandbox.background import background


async def test_it_ends_with_the_body() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with background(work()):
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_its_failure_ends_the_body_and_comes_out_as_it_is() -> None:
    async def work() -> None:
        raise ValueError("the node is gone")

    with pytest.raises(ValueError, match="the node is gone"):
        async with background(work()):
            await asyncio.Event().wait()
    await asyncio.sleep(0)  # no cancellation is left pending


async def test_a_failure_of_the_body_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with background(asyncio.Event().wait()):  # type: ignore[arg-type]
            raise KeyError("x")


async def test_an_interrupted_body_stays_interrupted() -> None:
    async def body() -> None:
        async with background(asyncio.sleep(1000)):
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
