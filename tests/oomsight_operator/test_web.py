from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.web import Site, serve_health, serve_metrics


@asynccontextmanager
async def fetching(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{site.port}") as session:
        try:
            yield session
        finally:
            await site.close()


async def test_metrics_are_served_in_prometheus_text_format() -> None:
    metrics = OperatorMetrics()
    metrics.set_leader(True)
    site = await serve_metrics("127.0.0.1:0", metrics)
    async with fetching(site) as session, session.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "oomsight_operator_leader 1.0" in await response.text()


async def test_health_is_503_with_reasons_while_something_is_wrong() -> None:
    problems = ["engine ended"]
    site = await serve_health("127.0.0.1:0", lambda: problems, lambda: ())
    async with fetching(site) as session:
        async with session.get("/healthz") as response:
            assert (response.status, await response.text()) == (503, "engine ended\n")
        async with session.get("/readyz") as response:
            assert response.status == 200
        problems.clear()
        async with session.get("/healthz") as response:
            assert (response.status, await response.text()) == (200, "ok\n")


async def test_a_port_that_is_taken_is_an_error() -> None:
    site = await serve_health("127.0.0.1:0", tuple, tuple)
    with pytest.raises(OSError, match=str(site.port)):
        await serve_health(f"127.0.0.1:{site.port}", tuple, tuple)
    await site.close()
