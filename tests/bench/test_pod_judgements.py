"""The bench of one pod's judgement measures what it says: every pod, and almost no writes after the first round."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from pod_judgements import Bench


async def test_after_the_first_round_every_pod_is_judged_and_hardly_any_written() -> None:
    bench = Bench("Always", 60, seed=1)
    tasks = [asyncio.create_task(bench.publisher.run()), asyncio.create_task(bench.engine.run())]
    await bench.round()
    written, judged = len(bench.api.writes), bench.engine.judged
    spent = [await bench.round() for _ in range(2)]
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert written >= 60 + 2 * 20, "annotations of each pod, object and status of each workload"
    assert bench.engine.judged - judged == 120
    assert len(bench.api.writes) - written < 10
    assert min(spent) > 0
