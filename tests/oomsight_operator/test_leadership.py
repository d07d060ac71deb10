from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from kubernetes.client import Configuration

from oomsight_operator.kube.client import KubeClient
from oomsight_operator.kube.credentials import from_configuration
from oomsight_operator.leadership import ElectionError, Leadership, LeaseTiming
from oomsight_sandbox.apiserver import ApiServer

FAST = LeaseTiming(lease_seconds=4, renew_seconds=2, retry_seconds=1, request_seconds=1.0)
LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/oomsight-operator"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer() as found:
        yield found


def candidate(server: ApiServer, identity: str) -> Leadership:
    return Leadership(Configuration(host=server.url), "default", "oomsight-operator", identity, FAST)


async def lease(server: ApiServer) -> dict[str, Any]:
    async with KubeClient(from_configuration(Configuration(host=server.url))) as client:
        found = await client.request("GET", LEASE)
    spec = found["spec"]
    assert isinstance(spec, dict)
    return spec


async def test_one_of_two_candidates_leads_and_the_other_follows_at_once_when_the_lease_is_given_back(server: ApiServer) -> None:
    first, second = candidate(server, "first"), candidate(server, "second")
    await first.acquire()
    assert (await lease(server))["holderIdentity"] == "first"
    waiting = asyncio.create_task(second.acquire())
    done, _ = await asyncio.wait((waiting,), timeout=1.5)
    assert not done
    await first.release()
    async with asyncio.timeout(10):
        await waiting
    assert (await lease(server))["holderIdentity"] == "second"
    await second.release()
    assert (await lease(server)).get("holderIdentity", "") == ""


async def test_a_leader_that_cannot_renew_in_time_knows_that_it_lost(server: ApiServer) -> None:
    leader = candidate(server, "only")
    await leader.acquire()
    await server.stop()
    async with asyncio.timeout(20):
        await leader.lost.wait()
    await leader.release()


async def test_a_leader_whose_renewal_hangs_steps_down_before_another_leads(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = candidate(server, "first"), candidate(server, "second")
    await first.acquire()
    hangs = threading.Event()

    def hang(*_: object, **__: object) -> None:
        hangs.wait()
        raise OSError("the connection was lost")

    for call in ("read_namespaced_lease", "replace_namespaced_lease"):
        monkeypatch.setattr(first._lock.api_instance, call, hang)
    async with asyncio.timeout(30):
        await second.acquire()
    assert first.lost.is_set()
    hangs.set()
    await first.release()
    await second.release()


async def test_an_election_that_ends_before_it_was_won_is_told(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("oomsight_operator.leadership.LeaderElection.run", fail)
    async with asyncio.timeout(20):
        with pytest.raises(ElectionError):
            await candidate(server, "only").acquire()


async def test_a_candidate_outlives_a_proxy_that_answers_what_is_no_lease() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        asked.set()
        return web.json_response({"metadata": {"managedFields": 7}})

    asked = asyncio.Event()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    leader = Leadership(Configuration(host=url), "default", "oomsight-operator", "only", FAST)
    waiting = asyncio.create_task(leader.acquire())
    async with asyncio.timeout(20):
        for _ in range(2):
            asked.clear()
            await asked.wait()
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await leader.release()
    await runner.cleanup()


async def test_a_candidate_outlives_an_api_server_that_is_not_there_yet(server: ApiServer) -> None:
    await server.stop()
    late = candidate(server, "late")
    waiting = asyncio.create_task(late.acquire())
    done, _ = await asyncio.wait((waiting,), timeout=1.2)
    assert not done
    await server.start()
    async with asyncio.timeout(20):
        await waiting
    await late.release()
