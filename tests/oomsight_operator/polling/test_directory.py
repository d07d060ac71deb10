from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from oomsight_operator.kube.errors import ApiError
from oomsight_operator.polling.directory import AgentDirectory
from oomsight_operator.polling.discovery import AgentPod
from oomsight_operator.polling.poller import Poller

POD = AgentPod("u1", "agent-1", "node-a", "127.0.0.1", 1, "Running", True, False, "2026-01-01T00:00:00Z", "ds-1")


class Api:
    """Has one DaemonSet, or an error."""

    def __init__(self) -> None:
        self.uid: str | None = "ds-1"
        self.error: ApiError | None = None
        self.asked = 0

    async def request(self, method: str, path: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        assert (method, path) == ("GET", "/apis/apps/v1/namespaces/oomsight-system/daemonsets/oomsight-agent")
        self.asked += 1
        if self.error is not None:
            raise self.error
        return {"metadata": {"uid": self.uid}}


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def directory(
    api: Api, pods: list[AgentPod], *, refresh_seconds: float = 0.05, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[tuple[AgentDirectory, Poller]]:
    poller = Poller(lambda _target, _report: None)
    found = AgentDirectory(api, poller, pods, "oomsight-system", "oomsight-agent", refresh_seconds=refresh_seconds, monotonic=clock)
    task = asyncio.create_task(found.run())
    try:
        yield found, poller
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await poller.close()


async def until(poller: Poller, nodes: set[str]) -> None:
    async with asyncio.timeout(10):
        while {target.node_name for target in poller.targets} != nodes:  # noqa: ASYNC110 - the poller is asked
            await asyncio.sleep(0.005)


async def test_pods_of_the_daemonset_are_polled_as_they_come_and_go() -> None:
    pods = [POD]
    async with directory(Api(), pods) as (found, poller):
        await until(poller, {"node-a"})
        pods.append(replace(POD, uid="u2", node_name="node-b"))
        found.pods_changed(None, pods[-1])
        await until(poller, {"node-a", "node-b"})
        pods.clear()
        found.pods_changed(POD, None)
        await until(poller, set())


async def test_pods_of_another_daemonset_in_the_namespace_cost_no_question_each() -> None:
    api, other = Api(), replace(POD, uid="u9", daemonset_uid="ds-of-somebody-else")
    pods = [POD, other]
    clock = Clock()
    async with directory(api, pods, refresh_seconds=60.0, clock=clock) as (found, poller):
        await until(poller, {"node-a"})
        clock.now += 2.0
        pods.append(replace(POD, uid="u2", node_name="node-b"))
        found.pods_changed(other, other)
        await until(poller, {"node-a", "node-b"})
        assert api.asked == 1
        clock.now += 2.0
        api.uid = "ds-2"
        pods.append(replace(POD, uid="u3", node_name="node-c", daemonset_uid="ds-2"))
        found.pods_changed(None, pods[-1])
        await until(poller, {"node-c"})
    assert api.asked == 2


async def test_a_daemonset_made_anew_loses_its_old_pods() -> None:
    api = Api()
    async with directory(api, [POD]) as (_, poller):
        await until(poller, {"node-a"})
        api.uid = "ds-2"
        await until(poller, set())


async def test_while_the_api_is_away_known_agents_stay_and_without_a_daemonset_none_does() -> None:
    api = Api()
    async with directory(api, [POD]) as (_, poller):
        await until(poller, {"node-a"})
        api.error = ApiError(0, "ConnectionError", "away")
        await asyncio.sleep(0.2)  # several refreshes; nothing to wait for, since nothing may happen
        assert len(poller.targets) == 1
        api.error = ApiError(404, "NotFound", "gone")
        await until(poller, set())
