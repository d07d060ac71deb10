"""The operator's small pages: `/metrics` for Prometheus, `/healthz` and `/readyz` for the kubelet. The API: `api.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from oomsight_operator.publishing.metrics import CONTENT_TYPE, OperatorMetrics

Check = Callable[[], Iterable[str]]
"""What is wrong now, in sentences; nothing when all is well."""


@dataclass(slots=True)
class Site:
    """A server that runs."""

    runner: web.AppRunner
    port: int

    async def close(self) -> None:
        await self.runner.cleanup()


async def serve_metrics(listen: str, metrics: OperatorMetrics) -> Site:
    """Serve /metrics. Raises OSError when the address cannot be bound."""

    async def render(_: web.Request) -> web.Response:
        # Rendering 100,000 series takes a second: not on the loop.
        body = await asyncio.to_thread(metrics.render)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    return await _serve(listen, {"/metrics": render})


async def serve_health(listen: str, live: Check, ready: Check) -> Site:
    """Serve /healthz (200 while restarting us would not help) and /readyz (200 while we work). Raises OSError."""

    def page(check: Check) -> Callable[[web.Request], object]:
        async def answer(_: web.Request) -> web.Response:
            problems = list(check())
            return web.Response(status=503 if problems else 200, text="".join(f"{problem}\n" for problem in problems) or "ok\n")

        return answer

    return await _serve(listen, {"/healthz": page(live), "/readyz": page(ready)})


async def _serve(listen: str, pages: dict[str, object]) -> Site:
    app = web.Application()
    app.add_routes([web.get(path, handler) for path, handler in pages.items()])  # type: ignore[arg-type]
    return await serve_app(listen, app)


async def serve_app(listen: str, app: web.Application) -> Site:
    """Serve it at ADDRESS:PORT until closed. Raises OSError when that cannot be bound."""
    host, _, port = listen.rpartition(":")
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
    except OSError:
        await runner.cleanup()
        raise
    return Site(runner, int(runner.addresses[0][1]))
