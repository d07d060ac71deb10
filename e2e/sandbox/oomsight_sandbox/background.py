"""Work that runs beside a `with` body: ends with it, and ends it when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def background(*works: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run them until the body is done. When one raises, the body is cancelled and that exception comes out, as it is."""
    body = asyncio.current_task()
    assert body is not None
    failures: list[BaseException] = []

    def note(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            failures.append(error)
            body.cancel()

    tasks = [asyncio.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(note)
    try:
        yield
    except asyncio.CancelledError:
        if not failures:
            raise
        body.uncancel()
        raise failures[0] from None
    finally:
        for task in tasks:
            task.remove_done_callback(note)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
