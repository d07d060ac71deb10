from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from kubernetes.client import Configuration

from oomsight_operator.kube.client import KubeClient
from oomsight_operator.kube.credentials import from_configuration
from oomsight_operator.leadership import Leadership, LeaseTiming
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
